import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type Get, openLines } from '../../src/images/lines.ts'
import type { Door } from '../../src/images/doors.ts'
import { type Incoming, skipping, type Taker } from '../../src/images/taker.ts'
import { emulated } from '../support/user.ts'
import { trust } from '../support/trust.ts'

const NAME = 'layers.test'

/** A server whose every connection answers each request by the next of these. */
async function serve(...answers: readonly ((socket: TLSSocket) => void)[]) {
  const emulator = await emulated()
  trust(emulator.caFile)
  const { certFile, keyFile } = emulator.certificate([NAME])
  const rest = answers.values()
  const seen = { connections: 0, requests: [] as string[] }
  const pair = { cert: readFileSync(certFile), key: readFileSync(keyFile) }
  const server = createServer(pair, (socket) => {
    seen.connections += 1
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.on('data', (data) => {
      seen.requests.push(data.toString())
      rest.next().value?.(socket)
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const lines = openLines({ openMs: 60_000, idleMs: 60_000 })
  onTestFinished(() => {
    lines.close()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const door: Door = {
    address: { host: '127.0.0.1', port },
    certificate: NAME,
    host: NAME,
    isRegistry: false,
  }
  const get = (more: Partial<Get> & { readonly door?: Partial<Door> } = {}) => {
    const { signal } = new AbortController()
    const question = { path: '/x?y', headers: { Range: 'z' }, signal, ...more }
    return lines.get({ ...door, ...more.door }, question)
  }
  return { get, seen }
}

function whole(body: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`),
    body,
  ])
}

function send(bytes: Buffer, step = bytes.length) {
  return (socket: TLSSocket) => {
    for (let at = 0; at < bytes.length; at += step) socket.write(bytes.subarray(at, at + step))
  }
}

/** Takes into memory of a few sizes, and has the sender wait now and then. */
async function take(answer: Incoming | undefined, count = 0): Promise<Buffer> {
  const taken: Buffer[] = []
  let room = Buffer.of()
  const taker: Taker = {
    room: () => (room = Buffer.alloc([1000, 1, 70_000][taken.length % 3] ?? 1)),
    filled: (came) => {
      taken.push(room.subarray(0, came))
      return taken.length % 5 === 0 ? new Promise((done) => setImmediate(done)) : undefined
    },
  }
  await answer?.into(skipping(count, taker))
  return Buffer.concat(taken)
}

describe('a GET over TLS', () => {
  it.each([1, 60, 1000, 300_000])('takes what comes in pieces of %d bytes', async (step) => {
    const body = randomBytes(step === 1 ? 200 : 200_000)
    const { get, seen } = await serve(send(whole(body), step))
    const answer = await get()
    expect(answer).toMatchObject({ status: 200, headers: { 'content-length': `${body.length}` } })
    expect(await take(answer)).toEqual(body)
    expect(seen.requests).toEqual([
      `GET /x?y HTTP/1.1\r\nHost: ${NAME}\r\nUser-Agent: ecr-cname\r\nRange: z\r\n\r\n`,
    ])
  })

  it('goes over the connection of the one before', async () => {
    const bodies = [randomBytes(100_000), Buffer.of(), randomBytes(50)]
    const { get, seen } = await serve(...bodies.map((body) => send(whole(body))))
    for (const body of bodies) expect(await take(await get())).toEqual(body)
    expect(seen.connections).toBe(1)
  })

  it('goes over the connection of one that was passed over', async () => {
    const [page, body] = [randomBytes(100), randomBytes(50)]
    const { get, seen } = await serve(send(whole(page)), send(whole(body)))
    const answer = await get()
    answer?.skip()
    expect(await take(await get())).toEqual(body)
    expect(seen.connections).toBe(1)
  })

  it('is asked again where the server gave a kept connection up meanwhile', async () => {
    const body = randomBytes(1000)
    const { get, seen } = await serve(
      send(whole(body)),
      (socket) => socket.destroy(),
      send(whole(body)),
    )
    for (let count = 0; count < 2; count++) expect(await take(await get())).toEqual(body)
    expect(seen).toMatchObject({ connections: 2, requests: { length: 3 } })
  })

  it('opens another where the one before is under way, or was left', async () => {
    const body = randomBytes(1000)
    const { get, seen } = await serve(...[body, body, body].map((one) => send(whole(one))))
    const [first, second] = [await get(), await get()]
    expect(seen.connections).toBe(2)
    first?.drop()
    expect(await take(second)).toEqual(body)
    expect(await take(await get())).toEqual(body)
    expect(seen.connections).toBe(2)
  })

  it('passes over what is there already', async () => {
    const body = randomBytes(100_000)
    const { get } = await serve(send(whole(body), 5000))
    expect(await take(await get(), 77_777)).toEqual(body.subarray(77_777))
  })

  it.each([
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx',
    'HTTP/1.1 200 OK\r\n\r\nx',
    `HTTP/1.1 200 OK\r\n${'X: y\r\n'.repeat(20_000)}Content-Length: 1\r\n\r\nx`,
    'HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx',
  ])('leaves to others what does not plainly tell its length: %#', async (text) => {
    const { get, seen } = await serve(send(Buffer.from(text)))
    expect(await get()).toBeUndefined()
    expect(await get()).toBeUndefined()
    expect(seen.requests).toHaveLength(1)
  })

  it.each(['/a b', '/a\r\nX: y', '/ä'])(
    'leaves to others a path that is none: %j',
    async (path) => {
      const { get, seen } = await serve()
      expect(await get({ path })).toBeUndefined()
      expect(seen.connections).toBe(0)
    },
  )

  it.each(['a\r\nX: y', 'a\0', 'a\u0100'])(
    'leaves to others a header that is none: %j',
    async (Range) => {
      const { get, seen } = await serve()
      expect(await get({ headers: { Range } })).toBeUndefined()
      expect(seen.connections).toBe(0)
    },
  )

  it('fails where it is cut', async () => {
    const answer = whole(randomBytes(1000))
    const { get } = await serve(
      (socket) => socket.end(answer.subarray(0, -1)),
      (socket) => socket.end(answer.subarray(0, 10)),
    )
    await expect(get().then((one) => take(one))).rejects.toMatchObject({ code: 'ECONNRESET' })
    await expect(get()).rejects.toMatchObject({ code: 'ECONNRESET' })
  })

  it('is no matter for another try where more comes than was declared', async () => {
    const { get } = await serve(send(Buffer.concat([whole(randomBytes(1000)), Buffer.of(1)])))
    const taken = get().then((one) => take(one))
    const message = `${NAME}: it sends more than the 1000 bytes that it declares`
    await expect(taken).rejects.toMatchObject({ code: 'REGISTRY', message })
  })

  it('fails by what its taker throws', async () => {
    const { get } = await serve(send(whole(randomBytes(1000))))
    const answer = await get()
    const taker: Taker = {
      room: () => Buffer.alloc(10),
      filled: () => {
        throw new Error('enough')
      },
    }
    await expect(answer?.into(taker)).rejects.toThrow('enough')
  })

  it('ends when it is stopped, before its answer and after', async () => {
    const { get } = await serve(send(whole(randomBytes(1000)).subarray(0, 500)))
    const early = new AbortController()
    const waiting = get({ signal: early.signal })
    early.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'ABORT_ERR' })
    const late = new AbortController()
    const taking = take(await get({ signal: late.signal }))
    late.abort()
    await expect(taking).rejects.toMatchObject({ code: 'ABORT_ERR' })
  })

  it('asks no server whose certificate is another’s', async () => {
    const { get, seen } = await serve(send(whole(Buffer.of())))
    const asked = get({ door: { certificate: 'other.test' } })
    await expect(asked).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
    expect(seen.requests).toEqual([])
  })
})
