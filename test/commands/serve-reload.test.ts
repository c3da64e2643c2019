import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import { hashSync } from 'bcryptjs'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { CertificateFiles } from '../emulator/certificates.ts'
import { type Emulator, startEmulator } from '../emulator/emulator.ts'
import { temporaryFolder } from '../support/folder.ts'
import { trust } from '../support/trust.ts'
import { ask, NAME, startServing } from './running.ts'

let emulator: Emulator
beforeAll(async () => {
  emulator = await startEmulator()
  trust(emulator.caFile)
})
afterAll(async () => {
  await emulator.close()
})

/** Puts a certificate where the sidecar looks, the key first. */
function place(folder: string, { certFile, keyFile }: CertificateFiles): void {
  copyFileSync(keyFile, join(folder, 'key.pem'))
  copyFileSync(certFile, join(folder, 'cert.pem'))
}

const pairIn = (folder: string) => [
  '--tls-cert',
  join(folder, 'cert.pem'),
  '--tls-key',
  join(folder, 'key.pem'),
]

/** A sidecar with a certificate, whose timer and SIGHUP are the test's. */
async function start({ args = [] as readonly string[], folder = temporaryFolder() } = {}) {
  if (args.length === 0) place(folder, emulator.certificate([NAME]))
  const turns: (() => void)[] = []
  let hangUp: (() => void) | undefined
  const world = {
    after: (_: number, act: () => void) => {
      turns.push(act)
      return () => {}
    },
    onHangup: (act: () => void) => (hangUp = act),
  }
  const running = await startServing(emulator, args.length === 0 ? pairIn(folder) : args, { world })
  /** Some seconds pass. */
  const look = () => turns.splice(0).forEach((act) => act())
  const said = () => running.events.slice(1).filter(({ message }) => message !== 'request')
  return { ...running, folder, look, hangUp: () => hangUp?.(), said }
}

async function namesShown(port: number): Promise<string | undefined> {
  const socket: TLSSocket = connect({
    port,
    host: '127.0.0.1',
    checkServerIdentity: () => undefined,
    rejectUnauthorized: false,
  })
  await once(socket, 'secureConnect')
  const { subjectaltname } = socket.getPeerCertificate()
  socket.destroy()
  return subjectaltname
}

describe('a sidecar that runs', () => {
  it('shows another certificate when its files have changed, and not before', async () => {
    const { port, folder, look, said } = await start()
    place(folder, emulator.certificate([NAME, 'other.test']))
    expect(await namesShown(port)).toBe(`DNS:${NAME}`)
    look()
    expect(await namesShown(port)).toBe(`DNS:${NAME}, DNS:other.test`)
    look()
    expect(said()).toMatchObject([{ level: 'info', message: 'read anew' }])
  })

  it('follows the swap of a link, as of a Kubernetes secret', async () => {
    const folder = temporaryFolder()
    const put = (version: string, names: readonly string[]) => {
      mkdirSync(join(folder, version))
      place(join(folder, version), emulator.certificate(names))
      symlinkSync(version, join(folder, 'new'))
      renameSync(join(folder, 'new'), join(folder, '..data'))
    }
    put('..1', [NAME])
    const { port, look } = await start({ args: pairIn(join(folder, '..data')) })
    put('..2', ['other.test'])
    look()
    expect(await namesShown(port)).toBe('DNS:other.test')
  })

  it('goes on with the old certificate while the new one is broken, and says so once', async () => {
    const { port, folder, look, said } = await start()
    writeFileSync(join(folder, 'cert.pem'), 'rubbish')
    look()
    look()
    expect(await namesShown(port)).toBe(`DNS:${NAME}`)
    expect(said()).toMatchObject([
      {
        level: 'error',
        message: 'not read anew: all goes on as before',
        error: expect.stringMatching(/cert\.pem: no certificate in PEM/) as string,
      },
    ])
    place(folder, emulator.certificate(['other.test']))
    look()
    expect(await namesShown(port)).toBe('DNS:other.test')
  })

  it.each([
    [
      'is missing',
      (folder: string) => rmSync(join(folder, 'cert.pem')),
      /cert\.pem: can't be read/,
    ],
    [
      'has the key of another',
      (folder: string) =>
        copyFileSync(emulator.certificate([NAME]).keyFile, join(folder, 'key.pem')),
      /key\.pem: not the key of the certificate/,
    ],
  ])('goes on with the old certificate while the new one %s', async (_, breakIt, error) => {
    const { port, folder, look, said } = await start()
    breakIt(folder)
    look()
    expect(await namesShown(port)).toBe(`DNS:${NAME}`)
    expect(said()).toMatchObject([
      { level: 'error', error: expect.stringMatching(error) as string },
    ])
  })

  it('tells of a certificate that has expired, and shows it all the same', async () => {
    const { port, folder, look, said } = await start()
    place(folder, emulator.certificate([NAME, 'late.test'], -0.5))
    look()
    expect(await namesShown(port)).toBe(`DNS:${NAME}, DNS:late.test`)
    expect(said()).toMatchObject([
      {
        level: 'error',
        message: 'a certificate has expired, or is not valid yet; put a valid one in its place',
        file: join(folder, 'cert.pem'),
      },
      { message: 'read anew' },
    ])
  })

  it('tells of a name that no certificate is for', async () => {
    const { port, folder, look, said } = await start()
    place(folder, emulator.certificate(['other.test']))
    look()
    expect(await namesShown(port)).toBe('DNS:other.test')
    expect(said()).toMatchObject([
      {
        level: 'warn',
        message: 'no certificate is for this name; its clients are shown that of another',
        name: NAME,
      },
      { message: 'read anew' },
    ])
  })

  it('reads everything anew on SIGHUP', async () => {
    const { port, folder, hangUp } = await start()
    place(folder, emulator.certificate(['other.test']))
    hangUp()
    expect(await namesShown(port)).toBe('DNS:other.test')
  })

  it('serves other names when the configuration has changed', async () => {
    const { port, config, look } = await start()
    const headers = { host: 'new.company.test' }
    expect(await ask(port, '/v2/', { headers })).toMatchObject({ status: 421 })
    const { host, port: upstream } = emulator.registry
    const mapping = { registry: host, connect: `127.0.0.1:${upstream}` }
    writeFileSync(config, JSON.stringify({ registries: { 'new.company.test': mapping } }))
    look()
    expect(await ask(port, '/v2/', { headers })).toMatchObject({ status: 401 })
    expect(await ask(port, '/v2/')).toMatchObject({ status: 421 })
  })

  it.each([
    ['broken', '{', /config\.json: line 1, column 2: expected JSON/],
    ['for other addresses', '{"proxy":{"admin":"127.0.0.1:1"}}', /no registry to serve/],
  ])('goes on as before when the configuration is %s', async (_, text, error) => {
    const { port, config, look, said } = await start()
    writeFileSync(config, text)
    look()
    expect(await ask(port, '/v2/')).toMatchObject({ status: 401 })
    expect(said()).toMatchObject([
      { level: 'error', error: expect.stringMatching(error) as string },
    ])
  })

  it('listens where it did: that changes with a restart only', async () => {
    const { port, config, look, said } = await start()
    const text = readFileSync(config, 'utf8')
    const value = { ...(JSON.parse(text) as object), proxy: { logFormat: 'pretty' } }
    writeFileSync(config, JSON.stringify(value))
    look()
    expect(said()[0]).toMatchObject({
      error: '"logFormat" changes with a restart only; restart, or undo that',
    })
    expect(await ask(port, '/v2/')).toMatchObject({ status: 401 })
  })

  it('knows other clients when their file has changed', async () => {
    const env = { ...emulator.env('keys'), HOME: temporaryFolder() }
    Object.entries(env).forEach(([name, value]) => vi.stubEnv(name, value))
    onTestFinished(() => void vi.unstubAllEnvs())
    const folder = temporaryFolder()
    place(folder, emulator.certificate([NAME]))
    const clients = join(folder, 'htpasswd')
    writeFileSync(clients, `alice:${hashSync('secret', 4)}`)
    const args = [...pairIn(folder), '--auth', 'inject', '--clients', clients]
    const { port, look } = await start({ args })
    const statusOf = async (name: string, password: string) => {
      const headers = { authorization: `Basic ${btoa(`${name}:${password}`)}` }
      return (await ask(port, '/v2/', { headers })).status
    }
    expect(await statusOf('alice', 'secret')).toBe(200)
    writeFileSync(clients, `bob:${hashSync('hidden', 4)}`)
    look()
    expect([await statusOf('alice', 'secret'), await statusOf('bob', 'hidden')]).toEqual([401, 200])
  })
})
