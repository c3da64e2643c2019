import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { ECRClient, GetAuthorizationTokenCommand } from '@aws-sdk/client-ecr'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Emulator } from '../emulator/emulator.ts'
import { temporaryFolder } from '../support/folder.ts'
import { startTrustedEmulator } from '../support/trust.ts'
import { ask, eventOf, NAME, startServe, startServing } from './running.ts'

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'

let emulator: Emulator
let certificate: readonly string[]
beforeAll(async () => {
  emulator = await startTrustedEmulator()
  const { certFile, keyFile } = emulator.certificate([NAME])
  certificate = ['--tls-cert', certFile, '--tls-key', keyFile]
})
afterAll(async () => {
  await emulator.close()
})

const start = (args: readonly string[], env?: Readonly<Record<string, string>>) =>
  startServe(emulator, args, { env })
const startListening = (args: readonly string[] = [], env?: Readonly<Record<string, string>>) =>
  startServing(emulator, args, { env })

async function login(): Promise<string> {
  const env = emulator.env('keys')
  const client = new ECRClient({
    region: emulator.region,
    endpoint: emulator.apiUrl,
    credentials: {
      accessKeyId: env['AWS_ACCESS_KEY_ID'] ?? '',
      secretAccessKey: env['AWS_SECRET_ACCESS_KEY'] ?? '',
    },
  })
  const { authorizationData = [] } = await client.send(new GetAuthorizationTokenCommand({}))
  return `Basic ${authorizationData[0]?.authorizationToken}`
}

describe('ecr-cname serve', () => {
  it('says what it serves and where, and with what port, once it does', async () => {
    const running = await startListening(certificate)
    expect(running.events).toEqual([
      {
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as string,
        level: 'info',
        message: 'listening',
        listen: [`https://127.0.0.1:${running.port}`],
        admin: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) as string,
        auth: 'passthrough',
        blobs: 'redirect',
        registries: { [NAME]: emulator.registry.host },
      },
    ])
  })

  it('takes a push and a pull of ECR, with every URL under its own name', async () => {
    const { port } = await startListening(certificate)
    const headers = { authorization: await login() }
    const layer = 'a layer'
    const digest = `sha256:${createHash('sha256').update(layer).digest('hex')}`
    const own = `https://${NAME}:${port}`
    expect(await ask(port, '/v2/')).toMatchObject({ status: 401 })
    expect(await ask(port, '/v2/', { headers })).toMatchObject({ status: 200 })
    const uploads = '/v2/team/app/blobs/uploads/'
    const opened = await ask(port, uploads, { method: 'POST', headers })
    expect([opened.status, opened.headers.location]).toEqual([202, expect.stringMatching(own)])
    const location = new URL(opened.headers.location ?? '')
    const chunked = { ...headers, 'transfer-encoding': 'chunked' }
    const path = `${location.pathname}${location.search}`
    expect(await ask(port, path, { method: 'PATCH', headers: chunked, body: layer })).toMatchObject(
      {
        status: 201,
        headers: { location: expect.stringMatching(own) as string, range: `0-${layer.length - 1}` },
      },
    )
    const put = `${location.pathname}?digest=${encodeURIComponent(digest)}`
    expect(await ask(port, put, { method: 'PUT', headers })).toMatchObject({ status: 201 })
    const body = JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', size: 7, digest },
      layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', size: 7, digest }],
    })
    const typed = { ...headers, 'content-type': MANIFEST }
    const manifests = '/v2/team/app/manifests/1'
    expect(await ask(port, manifests, { method: 'PUT', headers: typed, body })).toMatchObject({
      status: 201,
    })
    const accepting = { ...headers, accept: MANIFEST }
    expect(await ask(port, manifests, { headers: accepting })).toMatchObject({ text: body })
    expect(await ask(port, manifests, { method: 'HEAD', headers: accepting })).toMatchObject({
      headers: { 'content-length': String(body.length) },
    })
    expect(await ask(port, `/v2/team/app/blobs/${digest}`, { headers })).toMatchObject({
      status: 307,
      headers: { location: expect.stringMatching(`^https://${emulator.bucket.host}`) as string },
    })
  })

  it('writes one line a request, without query and secret', async () => {
    const running = await startListening(certificate)
    await ask(running.port, '/v2/?secret=1', { headers: { authorization: 'Basic c2VjcmV0' } })
    expect(await eventOf(running, 'request')).toMatchObject({
      level: 'info',
      method: 'GET',
      name: `${NAME}:${running.port}`,
      path: '/v2/',
      status: 400,
    })
    expect(JSON.stringify(running.events)).not.toMatch(/secret|c2VjcmV0/)
  })

  it('answers health on its own address and on the one for those who run it', async () => {
    const running = await startListening(certificate)
    expect(await ask(running.port, '/healthz')).toMatchObject({ status: 200 })
    const { admin } = await eventOf(running, 'listening')
    expect((await fetch(`${String(admin)}/healthz`)).status).toBe(200)
    expect((await fetch(`${String(admin)}/v2/`)).status).toBe(404)
    // Not worth a line unless someone looks for it.
    expect(running.events.map(({ message }) => message)).toEqual(['listening'])
  })

  it('ends with 0 when it is told to stop', async () => {
    const { stop, exitCode, events } = await startListening(certificate)
    stop()
    expect(await exitCode).toBe(0)
    expect(events.at(-1)).toMatchObject({ message: 'stopping' })
  })

  it('goes on without the usual address for those who run it when that is in use', async () => {
    const taken = createServer()
    taken.listen(9100, '127.0.0.1')
    await Promise.race([once(taken, 'listening'), once(taken, 'error').catch(() => {})])
    onTestFinished(() => void taken.close())
    const running = start(['--listen', '127.0.0.1:0'])
    expect((await eventOf(running, 'listening'))['admin']).toBeUndefined()
    expect(running.events[0]).toMatchObject({ level: 'warn' })
  })

  it('does not start when an address that was asked for is in use', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    onTestFinished(() => void taken.close())
    const address = `127.0.0.1:${(taken.address() as AddressInfo).port}`
    const free = ['--listen', '127.0.0.1:0']
    for (const args of [
      [...free, '--admin', address],
      [...free, '--listen', address],
    ]) {
      await expect(start(args).exitCode).rejects.toThrow(`can't listen on ${address}: the port is`)
    }
  })

  it.each([
    ['is missing', undefined, /none\.pem: can't be read \(ENOENT\)/],
    ['is a folder', '.', /can't be read \(EISDIR\)/],
    ['is rubbish', 'rubbish', /cert\.pem: no certificate in PEM/],
  ])('does not start when its certificate %s', async (_, content, message) => {
    const folder = temporaryFolder()
    const file = join(folder, content === '.' ? '.' : content ? 'cert.pem' : 'none.pem')
    if (content === 'rubbish') writeFileSync(file, content)
    const args = ['--tls-cert', file, '--tls-key', certificate[3] ?? '']
    await expect(start(args).exitCode).rejects.toThrow(message)
  })

  it('does not start when its certificate is not of its key', async () => {
    const other = emulator.certificate(['other.test'])
    const args = [...certificate.slice(0, 3), other.keyFile]
    await expect(start(args).exitCode).rejects.toThrow(/not the key of the certificate in/)
  })

  it('says no more than ECR_CNAME_LOG asks for', async () => {
    await expect(start([], { ECR_CNAME_LOG: 'loud' }).exitCode).rejects.toThrow(
      'ECR_CNAME_LOG: expected error, warn, info, debug, got loud',
    )
    const running = await startListening(certificate, { ECR_CNAME_LOG: 'debug' })
    await ask(running.port, '/healthz')
    expect(await eventOf(running, 'request')).toMatchObject({ level: 'debug', path: '/healthz' })
  })
})
