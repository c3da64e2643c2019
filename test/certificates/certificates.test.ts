/** The private authority: what it issues, and what it can't. */

import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { describe, expect, it, onTestFinished } from 'vitest'
import { provideCertificate, type Wish } from '../../src/certificates/folder.ts'
import { foundAuthority, issue, type Pair, zonesOf } from '../../src/certificates/issue.ts'
import { temporaryFolder } from '../support/folder.ts'

const DAY = 24 * 3600_000
const NOW = Date.now()
const NAME = 'docker.company.test'

/** What a client that trusts the authority alone says of a server. */
async function verdict(authority: Pair, leaf: Pair, name: string): Promise<string> {
  const server = createServer({ cert: leaf.cert, key: leaf.key }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const isAddress = /^[\d.]+$/.test(name)
  const socket: TLSSocket = connect({
    host: '127.0.0.1',
    port,
    ca: authority.cert,
    ...(!isAddress && { servername: name }),
  })
  socket.on('error', () => {})
  return (await new Promise((resolve) => {
    socket.once('secureConnect', () => resolve('trusted'))
    socket.once('error', ({ code, message }: NodeJS.ErrnoException) =>
      resolve(`${code} ${message}`),
    )
  }).finally(() => socket.destroy())) as string
}

describe('an authority', () => {
  it.each([
    ['company.test', NAME],
    [NAME, NAME],
    ['127.0.0.1', '127.0.0.1'],
  ])('of %s vouches for %s', async (zone, name) => {
    const authority = await foundAuthority([zone], NOW)
    expect(await verdict(authority, await issue(authority, [name], NOW), name)).toBe('trusted')
  })

  it.each([
    ['company.test', 'github.test'],
    ['company.test', 'mycompany.test'],
    ['company.test', '127.0.0.1'],
    ['127.0.0.1', NAME],
  ])('of %s is not believed about %s', async (zone, name) => {
    const authority = await foundAuthority([zone], NOW)
    const leaf = await issue(authority, [name], NOW)
    expect(await verdict(authority, leaf, name)).toMatch(/(permitted|excluded) subtree violation/)
  })

  it('tells its zones', async () => {
    const zones = ['company.test', '127.0.0.1', '::1']
    expect(zonesOf((await foundAuthority(zones, NOW)).cert)).toEqual(zones)
  })

  it('makes no authority of whom it vouches for', async () => {
    const authority = await foundAuthority(['company.test'], NOW)
    const leaf = await issue(authority, [NAME], NOW)
    const below = await issue(leaf, [NAME], NOW)
    const chain = { ...below, cert: below.cert + authority.cert }
    expect(await verdict(authority, chain, NAME)).toMatch(
      /key usage does not include certificate signing/,
    )
  })
})

describe('a folder of certificates', () => {
  const wish = (more: Partial<Wish> = {}): Wish => ({
    folder: join(temporaryFolder(), 'tls'),
    title: NAME,
    names: [NAME],
    zones: ['company.test'],
    now: NOW,
    ...more,
  })

  it('is private, keys above all', async () => {
    const first = wish()
    const { caFile, keyFile } = await provideCertificate(first)
    const modes = [first.folder, keyFile, caFile.replace(/crt$/, 'key')].map(
      (path) => statSync(path).mode & 0o777,
    )
    expect(modes).toEqual([0o700, 0o600, 0o600])
  })

  it.each([
    ['kept', {}, 0],
    ['kept', {}, 397 - 31],
    ['renewed', {}, 397 - 29],
    ['renewed', { anew: true }, 0],
    ['renewed', { names: [NAME, 'images.company.test'] }, 0],
  ])(
    'has its certificate %s where it is asked for %j after %i days',
    async (change, more, days) => {
      const first = wish()
      const issued = await provideCertificate(first)
      expect(issued.change).toBe('issued')
      const before = readFileSync(issued.certFile, 'utf8')
      const after = await provideCertificate({ ...first, ...more, now: NOW + days * DAY })
      expect(after.change).toBe(change)
      expect(readFileSync(issued.certFile, 'utf8') === before).toBe(change === 'kept')
      const authority = new X509Certificate(readFileSync(issued.caFile))
      const own = new X509Certificate(readFileSync(issued.certFile))
      expect(own.verify(authority.publicKey)).toBe(true)
    },
  )

  it('refuses a name that its authority can not vouch for', async () => {
    const first = wish()
    await provideCertificate(first)
    await expect(provideCertificate({ ...first, names: ['github.test'] })).rejects.toThrow(
      /^github.test: the authority in .*tls can vouch for company.test only;/,
    )
  })

  it.each([
    ['a file is missing', (folder: string) => rmSync(join(folder, 'ca.key')), /stands alone/],
    [
      'a file is rubbish',
      (folder: string) => writeFileSync(join(folder, 'ca.crt'), 'rubbish'),
      /no authority and its key/,
    ],
  ])('never founds another authority where %s', async (_, harm, message) => {
    const first = wish()
    await provideCertificate(first)
    harm(first.folder)
    await expect(provideCertificate({ ...first, anew: true })).rejects.toThrow(message)
  })

  it('issues anew what is rubbish', async () => {
    const first = wish()
    const { certFile } = await provideCertificate(first)
    writeFileSync(certFile, 'rubbish')
    expect((await provideCertificate(first)).change).toBe('renewed')
  })
})
