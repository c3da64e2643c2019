/**
 * What goes wrong around a sidecar: for each fault a defined answer, a line in the log, one more in a
 * metric, and the next request is served. What else is to be said of a fault stands beside its own
 * tests: test/proxy, test/io/hook.test.ts, serve-reload.test.ts.
 */

import { once } from 'node:events'
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type IncomingMessage, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text as readText } from 'node:stream/consumers'
import type { TLSSocket } from 'node:tls'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { PATIENCE } from '../../src/proxy/server.ts'
import { DEADLINES } from '../../src/proxy/upstream.ts'
import type { Emulator } from '../emulator/emulator.ts'
import { startRawUpstream } from '../proxy/neighbours.ts'
import { parseExposition, valueOf } from '../support/exposition.ts'
import { temporaryFolder } from '../support/folder.ts'
import { startTrustedEmulator } from '../support/trust.ts'
import { ask, loggedIn, NAME, startServing } from './running.ts'

let emulator: Emulator
beforeAll(async () => {
  emulator = await startTrustedEmulator()
})
afterAll(async () => {
  await emulator.close()
})
beforeEach(() => {
  // Waits that a test can wait for.
  const [deadlines, patience] = [{ ...DEADLINES }, { ...PATIENCE }]
  Object.assign(DEADLINES, { head: SOON, body: SOON })
  Object.assign(PATIENCE, { head: SOON })
  onTestFinished(() => {
    Object.assign(DEADLINES, deadlines)
    Object.assign(PATIENCE, patience)
  })
})

const SOON = 300
/** The name of the registry at fault. */
const FAULTY = 'faulty.company.test'
const MANIFEST = '/v2/team/app/manifests/1'
const GOOD = '/v2/team/app/tags/list'

type Sidecar = Awaited<ReturnType<typeof start>>

/** A sidecar in front of a registry that is well, and of one that is not. */
async function start({ connectTo = '', push = {} }: { connectTo?: string; push?: object } = {}) {
  const { host: registry, port } = emulator.registry
  const registries = {
    [NAME]: { registry, connect: `127.0.0.1:${port}` },
    ...(connectTo !== '' && { [FAULTY]: { registry, connect: connectTo } }),
  }
  const config = { registries, proxy: { push } }
  const { env } = loggedIn(emulator)
  const circumstances = { env: { ...env, PATH: process.env['PATH'] ?? '' }, config }
  return await startServing(emulator, ['--auth', 'inject'], circumstances)
}

/** One request, and its whole answer. */
async function send({ port }: Sidecar, path: string, { host = NAME, method = 'GET', body = '' }) {
  const headers = { host, 'content-type': 'application/vnd.oci.image.manifest.v1+json' }
  const outgoing = httpRequest({ port, path, method, headers, agent: false })
  outgoing.on('error', () => {})
  outgoing.end(body)
  const [reply] = (await once(outgoing, 'response')) as [IncomingMessage]
  return { status: reply.statusCode, text: await readText(reply) }
}

/** What is answered to bytes, until the connection ends; some clients close their half at once. */
async function talk({ port }: Sidecar, bytes: string, isHalf = false): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  if (isHalf) socket.end(bytes)
  else socket.write(bytes)
  return await readText(socket)
}

type Metric = readonly [name: string, labels: Readonly<Record<string, string>>]

async function read({ admin }: Pick<Sidecar, 'admin'>, [name, labels]: Metric): Promise<number> {
  const all = parseExposition(await (await fetch(`${admin}/metrics`)).text())
  return valueOf(all, `ecr_cname_${name}`, labels) ?? 0
}

type Told = { readonly line: object; readonly metric: Metric; readonly times?: number }

/** Meets a fault: it is logged and counted once, and the next request is served. */
async function meet(sidecar: Sidecar, { line, metric, times = 1 }: Told, act: () => Promise<void>) {
  const before = await read(sidecar, metric)
  await act()
  await vi.waitFor(async () => expect(await read(sidecar, metric)).toBe(before + times))
  expect(sidecar.events).toContainEqual(expect.objectContaining(line))
  expect(await send(sidecar, GOOD, {})).toMatchObject({ status: 200 })
}

const matching = (pattern: RegExp) => expect.stringMatching(pattern) as string

describe('a registry', () => {
  type Fault = {
    readonly fault: string
    /** Where its connections go, or what it does with them. */
    readonly at: string | ((socket: TLSSocket) => void)
    readonly names?: readonly string[]
    readonly validDays?: number
    readonly error: RegExp
    readonly kind: string
  }
  const faults: readonly Fault[] = [
    { fault: 'refuses', at: '127.0.0.1:1', error: /ECONNREFUSED/, kind: 'refused' },
    { fault: 'has no address', at: 'no-such-host.invalid', error: /looked up/, kind: 'dns' },
    { fault: 'hangs', at: () => {}, error: /did not answer it in time/, kind: 'other' },
    {
      fault: 'hangs amid its head',
      at: (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-'),
      error: /did not answer it in time/,
      kind: 'other',
    },
    {
      fault: 'resets amid its head',
      at: (socket) => socket.write('HTTP/1.1 200 OK\r\nContent-', () => socket.destroy()),
      error: /closed the connection without an answer/,
      kind: 'reset',
    },
    {
      fault: 'answers rubbish',
      at: (socket) => socket.write('220 mail.test ESMTP\r\n'),
      error: /not HTTP/,
      kind: 'protocol',
    },
    {
      fault: 'has the certificate of another',
      at: () => {},
      names: ['other.test'],
      error: /certificate is not trusted/,
      kind: 'tls',
    },
    {
      fault: 'has a certificate that has expired',
      at: () => {},
      validDays: -0.5,
      error: /certificate is not trusted \(CERT_HAS_EXPIRED\)/,
      kind: 'tls',
    },
  ]

  async function placeOf({ at, names, validDays }: Pick<Fault, 'at' | 'names' | 'validDays'>) {
    if (typeof at === 'string') return at
    const files = emulator.certificate([...(names ?? [emulator.registry.host])], validDays)
    const [cert = '', key = ''] = [files.certFile, files.keyFile].map((file) =>
      readFileSync(file, 'utf8'),
    )
    const { connect: to } = await startRawUpstream({ cert, key }, (socket) => {
      socket.once('data', () => at(socket))
    })
    return `${to.host}:${to.port}`
  }

  it.each(faults)('that $fault', async ({ error, kind, ...fault }) => {
    const sidecar = await start({ connectTo: await placeOf(fault) })
    const { host: registry } = emulator.registry
    const told: Told = {
      line: { message: 'request', status: 424, refusal: 'UNAVAILABLE', error: matching(error) },
      metric: ['upstream_errors_total', { registry, kind }],
    }
    await meet(sidecar, told, async () => {
      const { status, text } = await send(sidecar, MANIFEST, { host: FAULTY })
      expect({ status, text }).toEqual({ status: 424, text: matching(error) })
    })
  })

  it.each([
    ['resets', (socket: TLSSocket) => socket.destroy(), 'reset'],
    ['hangs', () => {}, 'other'],
  ])('that %s amid a body', async (_, then, kind) => {
    const half = 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'
    const connectTo = await placeOf({ at: (socket) => socket.write(half, () => then(socket)) })
    const sidecar = await start({ connectTo })
    const { host: registry } = emulator.registry
    const told: Told = {
      line: { message: 'request', status: 200, error: matching(/./) },
      metric: ['upstream_errors_total', { registry, kind }],
    }
    await meet(sidecar, told, async () => {
      await expect(send(sidecar, MANIFEST, { host: FAULTY })).rejects.toMatchObject({
        code: 'ECONNRESET',
      })
    })
  })
})

describe('a client', () => {
  const get = (target: string, more = '', host = NAME) =>
    `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${more}Connection: close\r\n\r\n`
  const post = (more: string) =>
    `POST ${GOOD} HTTP/1.1\r\nHost: ${NAME}\r\nConnection: close\r\n${more}`
  type Fault = {
    readonly fault: string
    readonly bytes: string
    readonly status: number
    readonly reason?: string
    readonly times?: number
  }
  const faults: readonly Fault[] = [
    { fault: 'is slow with its head', bytes: 'GET / HTTP/1.1\r\nHost: ', status: 408 },
    {
      fault: 'is slow with its body',
      bytes: `PUT ${MANIFEST} HTTP/1.1\r\nHost: ${NAME}\r\nContent-Length: 9\r\n\r\nhalf`,
      status: 408,
    },
    { fault: 'has a huge head', bytes: get(GOOD, `X: ${'a'.repeat(70_000)}\r\n`), status: 431 },
    { fault: 'has a huge target', bytes: get(`/v2/${'a'.repeat(20_000)}`), status: 414 },
    {
      fault: 'sends a length and chunks',
      bytes: post('Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
      status: 400,
    },
    {
      fault: 'sends an unknown coding',
      bytes: post('Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n'),
      status: 400,
      // By its head, and by what no parser can make of its body.
      times: 2,
    },
    { fault: 'asks for an absolute target', bytes: get(`http://${NAME}/v2/`), status: 400 },
    {
      fault: 'asks for a tunnel',
      bytes: `CONNECT ${NAME}:443 HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`,
      status: 400,
    },
    { fault: 'climbs', bytes: get('/v2/../x'), status: 400 },
    { fault: 'climbs in disguise', bytes: get('/v2/%2e%2e/x'), status: 400 },
    { fault: 'encodes a slash', bytes: get('/v2/team%2fapp/tags/list'), status: 400 },
    {
      fault: 'asks for a name that is not mapped',
      bytes: get('/v2/', '', 'other.test'),
      status: 421,
      reason: 'NAME_UNKNOWN',
    },
  ]

  it.each(faults)('that $fault', async ({ bytes, status, reason = 'UNSUPPORTED', times = 1 }) => {
    const sidecar = await start()
    const told: Told = {
      line: { status, refusal: reason, error: matching(/./) },
      metric: ['refusals_total', { reason, status: `${status}` }],
      times,
    }
    await meet(sidecar, told, async () => {
      const answer = await talk(sidecar, bytes)
      expect(answer.slice(0, 13)).toBe(`HTTP/1.1 ${status} `)
      expect(answer).toContain(`{"errors":[{"code":"${reason}"`)
    })
  })

  it('that has closed its half', async () => {
    const sidecar = await start()
    const told: Told = {
      line: { message: 'request', status: 499, error: 'the client left' },
      metric: ['requests_total', { status: '499' }],
    }
    await meet(sidecar, told, async () => {
      expect(await talk(sidecar, get(GOOD), true)).toBe('')
    })
  })

  it('that asks for another protocol is answered in this one', async () => {
    const sidecar = await start()
    const told: Told = {
      line: { message: 'request', status: 200, path: '/v2/' },
      metric: ['requests_total', { route: 'base', status: '200' }],
    }
    await meet(sidecar, told, async () => {
      const upgrade = `GET /v2/ HTTP/1.1\r\nHost: ${NAME}\r\nUpgrade: websocket\r\nConnection: upgrade, close\r\n\r\n`
      expect(await talk(sidecar, upgrade)).toMatch(/^HTTP\/1\.1 200 /)
    })
  })
})

describe('a hook', () => {
  const descriptor = (mediaType: string) => ({
    mediaType,
    size: 9,
    digest: `sha256:${'a'.repeat(64)}`,
  })
  const body = JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: descriptor('application/vnd.oci.image.config.v1+json'),
    layers: [descriptor('application/vnd.oci.image.layer.v1.tar')],
  })
  const script = (text: string) => {
    const file = join(temporaryFolder(), 'check')
    writeFileSync(file, `#!/bin/sh\n${text}\n`, { mode: 0o700 })
    return file
  }

  it.each([
    ['is missing', () => '/nowhere/check', /can't be run \(ENOENT\)/],
    ['hangs', () => script('sleep 60'), /did not end within 1 s/],
    ['crashes', () => script('kill -SEGV $$'), /was ended by SIGSEGV/],
    ['prints a megabyte', () => script("head -c 1000000 /dev/zero | tr '\\0' a; exit 1"), /a{50}/],
  ])('that %s', async (_, hook, error) => {
    const sidecar = await start({ push: { hook: [hook()], hookTimeout: 1 } })
    const told: Told = {
      line: { message: 'request', status: 403, refusal: 'DENIED', error: matching(error) },
      metric: ['refusals_total', { reason: 'DENIED', status: '403' }],
    }
    await meet(sidecar, told, async () => {
      const { status, text } = await send(sidecar, MANIFEST, { method: 'PUT', body })
      expect({ status, text }).toEqual({ status: 403, text: matching(error) })
      expect(text.length).toBeLessThan(2000)
    })
  })
})

describe('the certificate of a sidecar that runs', () => {
  const EXPIRED = 'a certificate has expired, or is not valid yet; put a valid one in its place'
  const KEPT = 'not read anew: all goes on as before'

  it.each([
    ['is missing', (folder: string) => rmSync(join(folder, 'cert.pem')), KEPT],
    ['is rubbish', (folder: string) => writeFileSync(join(folder, 'cert.pem'), 'rubbish'), KEPT],
    [
      'has the key of another',
      (folder: string) =>
        copyFileSync(emulator.certificate([NAME]).keyFile, join(folder, 'key.pem')),
      KEPT,
    ],
    [
      'has expired',
      (folder: string) => {
        const { certFile, keyFile } = emulator.certificate([NAME], -0.5)
        copyFileSync(keyFile, join(folder, 'key.pem'))
        copyFileSync(certFile, join(folder, 'cert.pem'))
      },
      EXPIRED,
    ],
  ])('that %s', async (_, spoil, message) => {
    const folder = temporaryFolder()
    const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
    const good = emulator.certificate([NAME])
    copyFileSync(good.keyFile, keyFile)
    copyFileSync(good.certFile, certFile)
    let hangUp = () => {}
    const world = { onHangup: (act: () => void) => (hangUp = act) }
    const args = ['--auth', 'inject', '--tls-cert', certFile, '--tls-key', keyFile]
    const sidecar = await startServing(emulator, args, { ...loggedIn(emulator), world })
    const metric: Metric = ['reloads_total', { outcome: message === KEPT ? 'failed' : 'done' }]
    const before = await read(sidecar, metric)
    spoil(folder)
    hangUp()
    expect(await read(sidecar, metric)).toBe(before + 1)
    expect(sidecar.events).toContainEqual(expect.objectContaining({ level: 'error', message }))
    const asking = { rejectUnauthorized: message === KEPT }
    expect(await ask(sidecar.port, GOOD, asking)).toMatchObject({ status: 200 })
  })
})
