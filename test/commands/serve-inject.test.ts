import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { hashSync } from 'bcryptjs'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Emulator } from '../emulator/emulator.ts'
import { pushImage, type Send } from '../emulator/registry-client.ts'
import { defaultSettings } from '../emulator/settings.ts'
import { temporaryFolder } from '../support/folder.ts'
import { eventually, mints } from '../support/user.ts'
import { startTrustedEmulator } from '../support/trust.ts'
import { ask, eventOf, loggedIn, NAME, startServe, startServing } from './running.ts'

let emulator: Emulator
let certificate: readonly string[]
beforeAll(async () => {
  emulator = await startTrustedEmulator()
  const { certFile, keyFile } = emulator.certificate([NAME])
  certificate = ['--tls-cert', certFile, '--tls-key', keyFile, '--auth', 'inject']
})
afterAll(async () => {
  await emulator.close()
})
beforeEach(() => {
  emulator.calls.length = 0
  emulator.settings.faults.length = 0
})

const atAws = () => loggedIn(emulator)

function clientsFile(): string {
  const file = join(temporaryFolder(), 'htpasswd')
  writeFileSync(file, `alice:${hashSync('secret', 4)}\nbob:${hashSync('hidden', 4)}\n`)
  return file
}

const basic = (name: string, password: string) => ({
  authorization: `Basic ${btoa(`${name}:${password}`)}`,
})

describe('ecr-cname serve --auth inject', () => {
  it('logs in to ECR by itself, once, and for whoever is on this machine', async () => {
    const { port } = await startServing(emulator, certificate, atAws())
    const answers = await Promise.all([1, 2, 3].map(() => ask(port, '/v2/team/app/tags/list')))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(mints(emulator)).toBe(1)
  })

  it('takes the token that the helper of the same user keeps, and keeps its own for it', async () => {
    const circumstances = atAws()
    const first = await startServing(emulator, certificate, circumstances)
    expect(await ask(first.port, '/v2/')).toMatchObject({ status: 200 })
    // The same configuration, so that it is the same identity.
    const env = { ...circumstances.env, ECR_CNAME_CONFIG: first.config }
    const second = await startServing(emulator, certificate, { env })
    expect(await ask(second.port, '/v2/')).toMatchObject({ status: 200 })
    expect(mints(emulator)).toBe(1)
  })

  it('keeps the token of a wildcard for sidecars of the same mapping alone', async () => {
    const circumstances = atAws()
    const { host, port } = emulator.registry
    const registries = { '*.company.test': { registry: host, connect: `127.0.0.1:${port}` } }
    const config = { registries }
    const first = await startServing(emulator, certificate, { ...circumstances, config })
    expect(await ask(first.port, '/v2/')).toMatchObject({ status: 200 })
    const env = { ...circumstances.env, ECR_CNAME_CONFIG: first.config }
    const second = await startServing(emulator, certificate, { env })
    expect(await ask(second.port, '/v2/')).toMatchObject({ status: 200 })
    expect(mints(emulator)).toBe(1)
    const other = {
      registries: { '*.company.test': { ...registries['*.company.test'], prefix: 'a/' } },
    }
    writeFileSync(first.config, JSON.stringify(other))
    const third = await startServing(emulator, certificate, { env })
    expect(await ask(third.port, '/v2/')).toMatchObject({ status: 200 })
    expect(mints(emulator)).toBe(2)
  })

  it('mints anew when ECR no longer takes its token', async () => {
    emulator.settings.tokenSeconds = 7200
    onTestFinished(() => void (emulator.settings.tokenSeconds = 12 * 3600))
    const { port, events } = await startServing(emulator, certificate, atAws())
    expect(await ask(port, '/v2/')).toMatchObject({ status: 200 })
    emulator.settings.clockOffsetMs = 3 * 3600_000
    onTestFinished(() => void (emulator.settings.clockOffsetMs = 0))
    emulator.settings.tokenSeconds = 12 * 3600
    expect(await ask(port, '/v2/')).toMatchObject({ status: 200 })
    expect(events.map(({ message }) => message)).toContain(
      'the registry refused a token, which is dropped',
    )
  })

  it('goes on when it can not log in, says why, and does so as soon as it can', async () => {
    emulator.settings.faults.push({ service: 'ecr', kind: 'deny' })
    const running = await startServing(emulator, certificate, atAws())
    expect(await eventOf(running, 'no new token')).toMatchObject({ level: 'error' })
    const answer = await ask(running.port, '/v2/')
    expect(answer.status).toBe(424)
    expect(answer.text).toMatch(/the sidecar has no token: .*GetAuthorizationToken/)
    emulator.settings.faults.length = 0
    await eventually(() => mints(emulator) > 1)
    await vi.waitFor(async () => {
      expect(await ask(running.port, '/v2/')).toMatchObject({ status: 200 })
    })
    expect(await ask(running.port, '/healthz')).toMatchObject({ status: 200 })
  })

  it('reads a replica when the registry of a pull is down, logged in to that region', async () => {
    const { host, port: upstream } = emulator.registry
    const other = host.replace(emulator.region, 'eu-west-1')
    await emulator.createRepository('team/app', { region: 'eu-west-1' })
    const replicas = [{ registry: other, connect: `127.0.0.1:${upstream}` }]
    const registries = { [NAME]: { registry: host, connect: '127.0.0.1:1', replicas } }
    const circumstances = { ...atAws(), config: { registries } }
    const running = await startServing(emulator, certificate, circumstances)
    const tags = await ask(running.port, '/v2/team/app/tags/list')
    expect([tags.status, tags.text]).toEqual([200, expect.stringContaining('team/app')])
    expect(await eventOf(running, 'request')).toMatchObject({ status: 200, replica: other })
    const push = { method: 'POST' }
    expect(await ask(running.port, '/v2/team/app/blobs/uploads/', push)).toMatchObject({
      status: 424,
    })
  })

  it('takes the clients of a file, each with its rights', async () => {
    const proxy = { allow: { alice: ['team/*:pull,push'], '*': ['base/*:pull'] } }
    const { host, port: upstream } = emulator.registry
    const registries = { [NAME]: { registry: host, connect: `127.0.0.1:${upstream}` } }
    const args = [...certificate, '--clients', clientsFile()]
    const circumstances = { ...atAws(), config: { registries, proxy } }
    const { port, events } = await startServing(emulator, args, circumstances)
    const tags = '/v2/team/app/tags/list'
    expect(await ask(port, '/v2/')).toMatchObject({ status: 401 })
    expect(await ask(port, '/v2/', { headers: basic('alice', 'guess') })).toMatchObject({
      status: 401,
    })
    expect(await ask(port, tags, { headers: basic('alice', 'secret') })).toMatchObject({
      status: 200,
    })
    expect(await ask(port, tags, { headers: basic('bob', 'hidden') })).toMatchObject({
      status: 403,
      text: expect.stringContaining(
        '"code":"DENIED","message":"bob may not pull team/app',
      ) as string,
    })
    expect(JSON.stringify(events)).not.toMatch(/secret|hidden|guess/)
  })

  it('takes clients whose certificate is of an authority', async () => {
    const args = [...certificate, '--client-ca', emulator.caFile]
    const { port } = await startServing(emulator, args, atAws())
    const shown = emulator.certificate(['build.company.test'])
    const cert = readFileSync(shown.certFile)
    const key = readFileSync(shown.keyFile)
    expect(await ask(port, '/v2/', { cert, key, agent: false })).toMatchObject({ status: 200 })
    expect(await ask(port, '/v2/', { agent: false })).toMatchObject({ status: 403 })
  })

  it('takes a push and a pull through a prefix, with layers fetched from the bucket', async () => {
    emulator.settings.bucketHost = '127.0.0.1'
    onTestFinished(() => {
      emulator.settings.bucketHost = defaultSettings(emulator.account).bucketHost
    })
    const { host, port: upstream } = emulator.registry
    const mapping = { registry: host, connect: `127.0.0.1:${upstream}`, prefix: 'team/' }
    const config = {
      registries: { [NAME]: mapping },
      proxy: {
        allow: { alice: ['app:pull,push'] },
        blobs: 'stream',
        blobHosts: [`127.0.0.1:${emulator.bucket.port}`],
      },
    }
    const args = [...certificate, '--clients', clientsFile()]
    const { port, events } = await startServing(emulator, args, { ...atAws(), config })
    // A client that asks the sidecar, whatever port a URL has left out.
    const send: Send = async (method, url, { headers, body } = {}) => {
      const { pathname, search } = new URL(url)
      const more = body === undefined ? {} : { body: body.toString() }
      const answer = await ask(port, pathname + search, {
        method,
        headers: { ...headers },
        ...more,
      })
      return { ...answer, status: answer.status ?? 0, body: Buffer.from(answer.text) }
    }
    const { authorization } = basic('alice', 'secret')
    const url = `https://${NAME}/v2/app`
    const layer = Buffer.from('a layer')
    const pushed = await pushImage(send, authorization, url, { tag: '1', layer })
    expect(pushed.answer.status).toBe(201)
    const blob = `/v2/app/blobs/${pushed.layerDigest}`
    expect(await ask(port, blob, { headers: { authorization } })).toMatchObject({
      status: 200,
      text: 'a layer',
    })
    const part = { authorization, range: 'bytes=2-4' }
    expect(await ask(port, blob, { headers: part })).toMatchObject({ status: 206, text: 'lay' })
    expect(await ask(port, '/v2/app/tags/list', { headers: { authorization } })).toMatchObject({
      text: '{"name":"app","tags":["1"]}',
    })
    expect(JSON.stringify(events)).not.toMatch(/secret|X-Amz/)
  })

  it.each([
    ['--clients', 'alice:plain', /given: line 1: expected NAME:HASH with bcrypt/],
    ['--client-ca', 'rubbish', /given: no certificate in PEM/],
  ])('does not start with a broken file of %s', async (flag, text, message) => {
    const file = join(temporaryFolder(), 'given')
    writeFileSync(file, text)
    const args = [...certificate, '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', flag, file]
    await expect(startServe(emulator, args, atAws()).exitCode).rejects.toThrow(message)
  })
})
