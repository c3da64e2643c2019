import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http'
import { connect as connectTcp } from 'node:net'
import { text as readText } from 'node:stream/consumers'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { UserError } from '../../src/domain/errors.ts'
import { tlsOf } from '../../src/proxy/certificate.ts'
import { DEFAULT_LIMITS, type Limits, listen, type ListenOptions } from '../../src/proxy/server.ts'
import { openAuthority } from '../emulator/certificates.ts'
import { temporaryFolder } from '../support/folder.ts'
import {
  fetchFrom,
  NAME,
  openFrom,
  openSocket,
  openWorld,
  type Sidecar,
  startSidecar,
  startUpstream,
  type World,
} from './neighbours.ts'

let world: World
beforeAll(() => {
  world = openWorld()
})

const HEALTH = `GET /healthz HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`
const files = { certFile: 'cert.pem', keyFile: 'key.pem' }

/** A sidecar whose registry answers half, and the rest when told. */
async function startHalfway(length = 8) {
  const rest = Promise.withResolvers<void>()
  const upstream = await startUpstream(world.registryLeaf, (_, response) => {
    response.writeHead(200, { 'content-length': length })
    response.write('half')
    void rest.promise.then(() => response.end('rest'))
  })
  return { sidecar: await startSidecar(upstream.connect), finish: rest.resolve }
}

async function isRefused({ port }: Sidecar): Promise<boolean> {
  const socket = connectTcp(port, '127.0.0.1')
  return Promise.race([
    once(socket, 'connect').then(() => {
      socket.destroy()
      return false
    }),
    new Promise<boolean>((resolve) => socket.once('error', () => resolve(true))),
  ])
}

describe('a listener that is told to stop', () => {
  it('lets what is under way finish, takes nothing new, and then is done', async () => {
    const { sidecar, finish } = await startHalfway()
    const reply = await openFrom(sidecar, '/v2/a')
    const done = sidecar.drain(60_000)
    while (!(await isRefused(sidecar))) continue
    finish()
    expect(await readText(reply)).toBe('halfrest')
    await done
  })

  it('closes connections that are idle at once', async () => {
    const sidecar = await startSidecar(undefined)
    const used = await openSocket(sidecar)
    used.write(HEALTH)
    await once(used, 'data')
    const closed = new Promise((resolve) => used.once('close', resolve))
    await sidecar.drain(60_000)
    await closed
  })

  it('takes the first request of a connection that was there', async () => {
    const sidecar = await startSidecar(undefined)
    const early = await openSocket(sidecar)
    const done = sidecar.drain(60_000)
    while (!(await isRefused(sidecar))) continue
    early.write(HEALTH)
    expect(await readText(early)).toContain('Connection: close')
    await done
  })

  it('does not wait long for a first request', async () => {
    const sidecar = await startSidecar(undefined)
    const unused = await openSocket(sidecar)
    const closed = new Promise((resolve) => unused.once('close', resolve))
    await sidecar.drain(60_000)
    await closed
  })

  it('takes connections that nobody has accepted yet', async () => {
    const sidecar = await startSidecar(undefined)
    const waiting = connectTcp(sidecar.port, '127.0.0.1')
    waiting.write(HEALTH)
    const done = sidecar.drain(60_000)
    expect(await readText(waiting)).toMatch(/^HTTP\/1.1 200/)
    await done
  })

  it('says so on answers that have not begun', async () => {
    const go = Promise.withResolvers<void>()
    const arrived = Promise.withResolvers<void>()
    const upstream = await startUpstream(world.registryLeaf, (_, response) => {
      arrived.resolve()
      void go.promise.then(() => response.end('late'))
    })
    const sidecar = await startSidecar(upstream.connect)
    const answer = fetchFrom(sidecar, '/v2/', { headers: { host: NAME, connection: 'keep-alive' } })
    await arrived.promise
    const done = sidecar.drain(60_000)
    go.resolve()
    expect(await answer).toMatchObject({ headers: { connection: 'close' }, text: 'late' })
    await done
  })

  it('closes a connection whose answer had begun as one that stays', async () => {
    const { sidecar, finish } = await startHalfway()
    const socket = await openSocket(sidecar)
    socket.write(`GET /v2/a HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`)
    await once(socket, 'data')
    const done = sidecar.drain(60_000)
    finish()
    await once(socket, 'end')
    await done
  })

  it('cuts what is left when its time is over, and never so that it looks whole', async () => {
    const { sidecar } = await startHalfway()
    const reply = await openFrom(sidecar, '/v2/a')
    const text = readText(reply)
    await Promise.all([
      sidecar.drain(0),
      expect(text).rejects.toMatchObject({ code: 'ECONNRESET' }),
    ])
  })

  it('does not wait for a handshake that never comes', async () => {
    const sidecar = await startSidecar(undefined, { leaf: world.ownLeaf })
    const socket = connectTcp(sidecar.port, '127.0.0.1')
    await once(socket, 'connect')
    socket.on('error', () => {})
    await sidecar.drain(0)
  })

  it('finishes an upload', async () => {
    const upstream = await startUpstream(world.registryLeaf, (request, response) => {
      request.resume().on('end', () => response.writeHead(201).end())
    })
    const sidecar = await startSidecar(upstream.connect)
    const outgoing = httpRequest({
      port: sidecar.port,
      method: 'PATCH',
      path: '/v2/a',
      headers: { host: NAME, 'transfer-encoding': 'chunked', expect: '100-continue' },
    })
    outgoing.flushHeaders()
    await once(outgoing, 'continue')
    const done = sidecar.drain(60_000)
    outgoing.end('the rest')
    const [reply] = (await once(outgoing, 'response')) as [IncomingMessage]
    expect(reply.statusCode).toBe(201)
    reply.resume()
    await done
  })
})

describe('a listener', () => {
  it('that can not have its port says which and what to do', async () => {
    const { port } = await startSidecar(undefined)
    const address = { host: '127.0.0.1', port }
    const second = listen({ address, handler: () => {}, onError: () => {} })
    await expect(second).rejects.toThrow(
      new UserError(
        'SERVE',
        `can't listen on 127.0.0.1:${port}: the port is in use; stop what uses it, or name another`,
      ),
    )
  })

  it('takes TLS 1.2 and nothing older', async () => {
    const sidecar = await startSidecar(undefined, { leaf: world.ownLeaf })
    const open = (maxVersion: 'TLSv1.1' | 'TLSv1.2') =>
      connectTls({
        port: sidecar.port,
        host: '127.0.0.1',
        servername: NAME,
        minVersion: 'TLSv1.1',
        maxVersion,
        ciphers: 'DEFAULT@SECLEVEL=0',
      })
    await expect(once(open('TLSv1.1'), 'secureConnect')).rejects.toMatchObject({
      code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
    })
    const socket = open('TLSv1.2')
    await once(socket, 'secureConnect')
    socket.destroy()
  })

  it('survives plain HTTP where TLS is spoken', async () => {
    const sidecar = await startSidecar(undefined, { leaf: world.ownLeaf })
    const socket = connectTcp(sidecar.port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(HEALTH)
    await new Promise((resolve) => socket.once('close', resolve))
    expect(await fetchFrom(sidecar, '/healthz', { ca: world.ca })).toMatchObject({ status: 200 })
  })
})

describe('the limits of a listener', () => {
  async function start(limits: Partial<Limits>, more: Partial<ListenOptions> = {}) {
    const handler = (_: unknown, response: ServerResponse) => response.end('ok')
    const address = { host: '127.0.0.1', port: 0 }
    const own = { ...DEFAULT_LIMITS, ...limits }
    const listener = await listen({ address, handler, limits: own, onError: () => {}, ...more })
    onTestFinished(() => listener.drain(0))
    return Number(new URL(listener.url).port)
  }

  async function talkTo(port: number, text: string): Promise<string> {
    const socket = connectTcp(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.write(text)
    return await readText(socket).catch(() => '')
  }

  const ask = (target: string) => `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`

  it('are told of where a target or a head is too long', async () => {
    const port = await start({ urlBytes: 20, headerBytes: 200 })
    expect(await talkTo(port, ask('/v2/'))).toMatch(/^HTTP\/1.1 200/)
    expect(await talkTo(port, ask(`/v2/${'x'.repeat(20)}`))).toMatch(/^HTTP\/1.1 414.*over 20 /s)
    expect(await talkTo(port, ask(`/v2/${'x'.repeat(300)}`))).toMatch(/^HTTP\/1.1 431.*over 200 /s)
  })

  it.each([
    ['connections', 'over 1 connections at a time'],
    ['connectionsPerClient', 'over 1 connections of one client'],
  ])('close what is over, and tell of it: %s', async (name, message) => {
    const refused: unknown[] = []
    const onRefusal: ListenOptions['onRefusal'] = (refusal, from) =>
      void refused.push([refusal.status, refusal.message, from])
    const port = await start({ [name]: 1 }, { onRefusal })
    const first = connectTcp(port, '127.0.0.1')
    await once(first, 'connect')
    expect(await talkTo(port, ask('/v2/'))).toBe('')
    expect(refused).toEqual([[429, message, '127.0.0.1']])
    first.write(ask('/v2/'))
    expect(await readText(first)).toMatch(/^HTTP\/1.1 200/)
    await vi.waitFor(async () => expect(await talkTo(port, ask('/v2/'))).toMatch(/^HTTP\/1.1 200/))
  })

  it('let go of a connection that never has a request', async () => {
    const port = await start({ idleMs: 100 })
    const socket = connectTcp(port, '127.0.0.1')
    await new Promise((resolve) => socket.once('close', resolve).resume())
  })

  it('leave a first request that is answered late alone', async () => {
    const answered = Promise.withResolvers<ServerResponse>()
    const handler: ListenOptions['handler'] = (_, response) => answered.resolve(response)
    const port = await start({ idleMs: 100 }, { handler })
    const late = talkTo(port, ask('/v2/'))
    const response = await answered.promise
    const idle = connectTcp(port, '127.0.0.1')
    await new Promise((resolve) => idle.once('close', resolve).resume())
    response.end('ok')
    expect(await late).toMatch(/^HTTP\/1.1 200/)
  })

  it('tell clients how long a connection may stay without a request', async () => {
    const port = await start({ idleMs: 5000 })
    const socket = connectTcp(port, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    expect(String(await once(socket, 'data'))).toMatch(/^Keep-Alive: timeout=5\r$/im)
    socket.destroy()
  })
})

describe('the certificate of a listener', () => {
  it('is taken with its key', () => {
    expect(messageOf(world.ownLeaf)).toBe('')
  })

  it('is not taken with the key of another', () => {
    const mixed = { cert: world.ownLeaf.cert, key: world.registryLeaf.key }
    expect(messageOf(mixed)).toBe(
      'key.pem: not the key of the certificate in cert.pem; name the pair',
    )
  })

  it('is not taken when it is none', () => {
    expect(messageOf({ ...world.ownLeaf, cert: 'rubbish' })).toMatch(/^cert\.pem: no certificate/)
    expect(messageOf({ ...world.ownLeaf, cert: '' })).toMatch(/^cert\.pem: no certificate/)
    expect(messageOf({ ...world.ownLeaf, key: 'rubbish' })).toMatch(/^key\.pem: no private key/)
    expect(messageOf({ ...world.ownLeaf, key: '' })).toMatch(/^key\.pem: no private key/)
  })
})

describe('the certificates of a listener', () => {
  const named = (...names: string[]) => ({ ...world.authority.issue(names), ...files })

  /** The names in the certificate that a client is shown. */
  async function shown(port: number, servername: string | undefined): Promise<string> {
    const socket = connectTls({
      port,
      host: '127.0.0.1',
      ...(servername && { servername }),
      checkServerIdentity: () => undefined,
    })
    await once(socket, 'secureConnect')
    const { subjectaltname = '' } = socket.getPeerCertificate()
    socket.destroy()
    return subjectaltname
  }

  async function start() {
    const tls = tlsOf([named('first.test'), named('*.zone.test'), named('own.zone.test')])
    const handler = (_: unknown, response: ServerResponse) => response.end('ok')
    const address = { host: '127.0.0.1', port: 0 }
    const listener = await listen({ address, tls, handler, onError: () => {} })
    onTestFinished(() => listener.drain(0))
    return { ...listener, port: Number(new URL(listener.url).port) }
  }

  it.each([
    ['first.test', 'DNS:first.test'],
    ['any.zone.test', 'DNS:*.zone.test'],
    ['OWN.zone.test', 'DNS:own.zone.test'],
    ['two.labels.zone.test', 'DNS:first.test'],
    ['unknown.test', 'DNS:first.test'],
    [undefined, 'DNS:first.test'],
  ])('are told apart by the name that is asked for: %s', async (asked, expected) => {
    const { port } = await start()
    expect(await shown(port, asked)).toBe(expected)
  })

  it('give way to others for connections to come, and no connection is dropped', async () => {
    const { port, useTls } = await start()
    const socket = connectTls({ port, host: '127.0.0.1', servername: 'first.test' })
    await once(socket, 'secureConnect')
    useTls(tlsOf([named('second.test'), named('*.zone.test')]))
    expect(await shown(port, 'first.test')).toBe('DNS:second.test')
    expect(await shown(port, undefined)).toBe('DNS:second.test')
    socket.write('GET / HTTP/1.1\r\nHost: first.test\r\nConnection: close\r\n\r\n')
    expect(await readText(socket)).toMatch(/^HTTP\/1\.1 200/)
  })

  it('that clients show are asked for under every name, and not remembered across a change', async () => {
    const authority = (ca: string) => ({ ca, caFile: 'ca.pem' })
    const tls = tlsOf([named('first.test'), named('own.zone.test')], authority(world.ca))
    const handler = ({ socket }: IncomingMessage, response: ServerResponse) =>
      response.end(String((socket as TLSSocket).authorized))
    const address = { host: '127.0.0.1', port: 0 }
    const listener = await listen({ address, tls, handler, onError: () => {} })
    onTestFinished(() => listener.drain(0))
    const port = Number(new URL(listener.url).port)
    const client = world.authority.issue(['client.test'])
    const ask = async (servername: string, session?: Buffer) => {
      const socket = connectTls({ port, host: '127.0.0.1', servername, ...client, session })
      let ticket: Buffer | undefined
      let isResumed = false
      socket.on('session', (data: Buffer) => (ticket = data))
      socket.on('secureConnect', () => (isResumed = socket.isSessionReused()))
      socket.write(`GET / HTTP/1.1\r\nHost: ${servername}\r\nConnection: close\r\n\r\n`)
      const [, authorized] = (await readText(socket)).split('\r\n\r\n')
      return { authorized, ticket, isResumed }
    }
    expect(await ask('own.zone.test')).toMatchObject({ authorized: 'true' })
    const { authorized, ticket } = await ask('first.test')
    expect(authorized).toBe('true')
    expect(await ask('first.test', ticket)).toMatchObject({ authorized: 'true', isResumed: true })
    const stranger = readFileSync(openAuthority(temporaryFolder()).caFile, 'utf8')
    listener.useTls(tlsOf([named('first.test')], authority(stranger)))
    expect(await ask('first.test', ticket)).toMatchObject({ authorized: 'false', isResumed: false })
  })
})

/** Why a certificate is not taken; nothing when it is. */
function messageOf(leaf: { cert: string; key: string }): unknown {
  try {
    return tlsOf([{ ...leaf, ...files }]) && ''
  } catch (error) {
    return error instanceof UserError ? error.message : error
  }
}
