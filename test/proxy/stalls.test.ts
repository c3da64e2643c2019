import dns, { type LookupOptions } from 'node:dns'
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { text as readText } from 'node:stream/consumers'
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { parseRegistry, type Registry } from '../../src/domain/registry.ts'
import {
  fetchFrom,
  NAME,
  openFrom,
  openSocket,
  openWorld,
  REGISTRY,
  type Sidecar,
  startRawUpstream,
  startSidecar,
  startUpstream,
  type World,
} from './neighbours.ts'

let world: World
beforeAll(() => {
  world = openWorld()
})

const SOON = 200
const HEAD = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n'

const messageOf = (text: string) =>
  (JSON.parse(text) as { errors: [{ message: string }] }).errors[0].message

/** The account of the first request, once it is over. */
async function accountOf({ accesses }: Sidecar) {
  return await vi.waitUntil(() => accesses[0])
}

/** One that takes connections and never says a word, not even of TLS. */
async function startBlackHole(): Promise<{ readonly host: string; readonly port: number }> {
  const server: Server = createServer((socket) => {
    onTestFinished(() => void socket.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
}

describe('a registry that stalls', () => {
  it.each([
    ['before its answer', ''],
    ['amid its head', HEAD],
    ['amid its first line', 'HTTP/1.1 2'],
  ])('%s is told of, and others are asked meanwhile', async (_, part) => {
    const upstream = await startRawUpstream(world.registryLeaf, (socket, index) => {
      socket.once('data', () => {
        if (index === 0) socket.write(part)
        else socket.write(`${HEAD}\r\nhalf  half`)
      })
    })
    const sidecar = await startSidecar(upstream.connect, { deadlines: { head: SOON } })
    const stalled = fetchFrom(sidecar, '/v2/1')
    await vi.waitUntil(() => upstream.wire[0])
    const other = await fetchFrom(sidecar, '/v2/2', { method: 'PUT', body: 'all of it' })
    expect(other).toMatchObject({ status: 200, text: 'half  half' })
    const answer = await stalled
    expect(answer.status).toBe(424)
    expect(messageOf(answer.text)).toBe(
      `${REGISTRY.host} (connecting to 127.0.0.1): it took the request and did not answer it in time; try again`,
    )
    expect(sidecar.accesses).toContainEqual(
      expect.objectContaining({
        status: 424,
        error: expect.stringMatching(/the registry has sent nothing for too long$/) as string,
      }),
    )
  })

  it('at the end of an upload is told of', async () => {
    const upstream = await startUpstream(world.registryLeaf, (request) => request.resume())
    const sidecar = await startSidecar(upstream.connect, { deadlines: { head: 1, body: SOON } })
    const answer = await fetchFrom(sidecar, '/v2/a', { method: 'PUT', body: 'all of it' })
    expect(answer.status).toBe(424)
    expect(messageOf(answer.text)).toMatch(/did not answer it in time/)
  })

  it('amid an upload is told of', async () => {
    const upstream = await startRawUpstream(world.registryLeaf, (socket) => socket.pause())
    const sidecar = await startSidecar(upstream.connect, { deadlines: { body: SOON } })
    const outgoing = httpRequest({
      port: sidecar.port,
      method: 'PATCH',
      path: '/v2/a',
      headers: { host: NAME, 'transfer-encoding': 'chunked' },
    })
    outgoing.on('error', () => {})
    const push = () => outgoing.write(Buffer.alloc(1024 * 1024), (error) => error ?? push())
    push()
    const [reply] = (await once(outgoing, 'response')) as [{ statusCode: number }]
    expect(reply.statusCode).toBe(424)
    outgoing.destroy()
  })

  it('amid its body is cut at the client', async () => {
    const upstream = await startRawUpstream(world.registryLeaf, (socket) => {
      socket.once('data', () => socket.write(`${HEAD}\r\nhalf`))
    })
    const sidecar = await startSidecar(upstream.connect, { deadlines: { body: SOON } })
    const reply = await openFrom(sidecar, '/v2/a')
    await expect(readText(reply)).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(await accountOf(sidecar)).toMatchObject({
      status: 200,
      error: 'the registry has sent nothing for too long',
    })
  })

  it('over a kept connection is asked over a fresh one', async () => {
    const upstream = await startRawUpstream(world.registryLeaf, (socket, index) => {
      let requests = 0
      socket.on('data', () => {
        requests += 1
        if (index > 0 || requests === 1) socket.write(`${HEAD}\r\nhalf  half`)
      })
    })
    const sidecar = await startSidecar(upstream.connect, { deadlines: { headOfKept: SOON } })
    await fetchFrom(sidecar, '/v2/1')
    expect(await fetchFrom(sidecar, '/v2/2')).toMatchObject({ status: 200 })
    expect(upstream.wire).toHaveLength(2)
  })

  it('before a connection is left for a replica sooner than where there is none', async () => {
    const replica = parseRegistry('123456789012.dkr.ecr.eu-west-1.amazonaws.com') as Registry
    const other = await startUpstream(world.authority.issue([replica.host]), (_, response) => {
      response.end('from the replica')
    })
    const first = await startBlackHole()
    const replicas = [{ registry: replica, connect: other.connect }]
    const sidecar = await startSidecar(undefined, {
      mappings: new Map([[NAME, { name: NAME, registry: REGISTRY, connect: first, replicas }]]),
      inject: {
        admission: { takesCertificates: false },
        tokensFor: () => ({ hold: async () => 'token', refused: () => false, helped() {} }),
      },
      deadlines: { connect: 600_000, connectReplaceable: SOON },
    })
    expect(await fetchFrom(sidecar, '/v2/a')).toMatchObject({ text: 'from the replica' })
    expect(sidecar.accesses[0]?.error).toMatch(/can't be reached \(ETIMEDOUT\)/)
  })
})

describe('a name of a registry', () => {
  /** From now on it leads there. */
  function lead(address: string): void {
    const answer = (_: string, { all }: LookupOptions, done: (...found: unknown[]) => void) => {
      if (all) done(null, [{ address, family: 4 }])
      else done(null, address, 4)
    }
    vi.spyOn(dns, 'lookup').mockImplementation(answer as typeof dns.lookup)
    onTestFinished(() => void vi.restoreAllMocks())
  }

  it('is looked up for each connection, and kept ones to where it led are given up', async () => {
    const old = await startUpstream(world.registryLeaf, (_, response) => response.end('old'))
    const { port = 0 } = old.connect
    const next = await startUpstream(world.registryLeaf, (_, response) => response.end('next'), {
      host: '127.0.0.2',
      port,
    })
    lead('127.0.0.1')
    const sidecar = await startSidecar(
      { host: 'registry.test', port },
      {
        deadlines: { headOfKept: 2000 },
      },
    )
    expect(await fetchFrom(sidecar, '/v2/1')).toMatchObject({ text: 'old' })
    lead('127.0.0.2')
    // A kept connection is of use as long as it answers.
    expect(await fetchFrom(sidecar, '/v2/2')).toMatchObject({ text: 'old' })
    expect(await fetchFrom(sidecar, '/v2/3', { method: 'PUT' })).toMatchObject({ text: 'next' })
    old.sockets.forEach((socket) => socket.removeAllListeners('data').pause())
    expect(await fetchFrom(sidecar, '/v2/4')).toMatchObject({ text: 'next' })
    expect(next.wire).toHaveLength(2)
  })
})

describe('a client that stalls', () => {
  it('amid its head is told so, and let go', async () => {
    const sidecar = await startSidecar(undefined, { patience: { head: SOON, stalled: 600_000 } })
    const socket = await openSocket(sidecar)
    socket.write('GET /v2/ HTTP/1.1\r\nHost: ')
    expect(await readText(socket)).toMatch(/^HTTP\/1.1 408 [^]*the head of the request took too/)
  })

  it('amid its body is told so, and let go', async () => {
    const upstream = await startUpstream(world.registryLeaf, (request) => request.resume())
    const sidecar = await startSidecar(upstream.connect, { deadlines: { body: SOON } })
    const socket = await openSocket(sidecar)
    socket.write(`PUT /v2/a HTTP/1.1\r\nHost: ${NAME}\r\nContent-Length: 10\r\n\r\nhalf`)
    expect(await readText(socket)).toMatch(
      /^HTTP\/1.1 408 [^]*Connection: close\r\n[^]*the rest of the body took too long/,
    )
    expect(sidecar.accesses[0]).toMatchObject({ status: 408, bytesReceived: 4 })
    await vi.waitUntil(() => upstream.sockets[0]?.destroyed)
  })

  it('amid its answer is cut, and so is the registry', async () => {
    const upstream = await startUpstream(world.registryLeaf, (_, response) => {
      const push = () => response.write(Buffer.alloc(1024 * 1024), (error) => error ?? push())
      push()
    })
    const sidecar = await startSidecar(upstream.connect, { deadlines: { body: SOON } })
    const reply = await openFrom(sidecar, '/v2/a')
    expect(await accountOf(sidecar)).toMatchObject({
      error: 'the client has read nothing for too long',
    })
    await vi.waitUntil(() => upstream.sockets[0]?.destroyed)
    await expect(readText(reply)).rejects.toMatchObject({ code: 'ECONNRESET' })
  })

  it('before its request is let go', async () => {
    const sidecar = await startSidecar(undefined, { patience: { head: 600_000, stalled: SOON } })
    const socket = await openSocket(sidecar)
    socket.resume()
    await once(socket, 'close')
  })

  it('and has closed its half counts as one that has left', async () => {
    const upstream = await startUpstream(world.registryLeaf, (request) => request.resume())
    const sidecar = await startSidecar(upstream.connect)
    const socket = await openSocket(sidecar)
    socket.end(`GET /v2/ HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`)
    expect(await accountOf(sidecar)).toMatchObject({ status: 499, error: 'the client left' })
  })
})
