import { createHash, randomBytes } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { Flow } from '../../src/proxy/flow.ts'
import {
  fetchFrom,
  NAME,
  openFrom,
  openWorld,
  startSidecar,
  startUpstream,
  type World,
} from './neighbours.ts'

const KIB = 1024

type Part = { readonly part: Buffer; readonly done: (error?: Error | null) => void }

/** A flow whose parts are kept, with what it said of waiting. */
function openFlow() {
  const parts: Part[] = []
  const holds: boolean[] = []
  const flow = new Flow({
    sink: (part, done) => parts.push({ part, done }),
    held: (isHeld) => holds.push(isHeld),
  })
  const put = (bytes: Buffer) => {
    for (let at = 0; at < bytes.length; at += 16 * KIB) {
      const piece = bytes.subarray(at, at + 16 * KIB)
      piece.copy(flow.room())
      flow.took(piece.length)
    }
  }
  return { flow, parts, holds, put }
}

const joined = (parts: readonly Part[]) => Buffer.concat(parts.map(({ part }) => part))

describe('a body that flows', () => {
  it('is handed on whole and in order, in few parts', () => {
    const { flow, parts, put } = openFlow()
    const body = randomBytes(1000 * KIB + 7)
    put(body)
    flow.end()
    expect(joined(parts).equals(body)).toBe(true)
    expect(parts.length).toBeLessThan(10)
  })

  it('is handed on as far as it came once the loop has turned', async () => {
    const { parts, put } = openFlow()
    put(Buffer.from('a little'))
    await turn()
    expect(joined(parts).toString()).toBe('a little')
  })

  it('always has room for a TLS record', () => {
    const { flow } = openFlow()
    for (let count = 0; count < 100; count += 1) {
      expect(flow.room().length).toBeGreaterThanOrEqual(16 * KIB)
      flow.took(9 * KIB)
    }
  })

  it('leaves a part as it is until that is done with, whatever else flows', () => {
    const first = openFlow()
    const body = randomBytes(500 * KIB)
    first.put(body)
    first.flow.end()
    const second = openFlow()
    second.put(randomBytes(500 * KIB))
    second.flow.end()
    expect(joined(first.parts).equals(body)).toBe(true)
  })

  it('uses memory again that is done with, and none of which a write has failed', () => {
    const memoryOf = ({ parts }: ReturnType<typeof openFlow>) =>
      parts.map(({ part }) => part.buffer)
    const flowing = () => {
      const opened = openFlow()
      opened.put(randomBytes(500 * KIB))
      opened.flow.end()
      return opened
    }
    const done = flowing()
    done.parts.forEach((part) => part.done())
    const after = flowing()
    expect(memoryOf(after).some((memory) => memoryOf(done).includes(memory))).toBe(true)
    after.parts.forEach((part) => part.done(new Error('the client left')))
    expect(memoryOf(flowing()).some((memory) => memoryOf(after).includes(memory))).toBe(false)
  })

  it('is held when more than 256 KiB wait, and no longer when half of that has gone', () => {
    const { parts, holds, put } = openFlow()
    put(randomBytes(256 * KIB))
    expect(holds).toEqual([])
    put(randomBytes(128 * KIB))
    expect(holds).toEqual([true])
    const first = parts.splice(0, 1)
    first.forEach(({ done }) => done())
    expect(holds).toEqual([true])
    parts.forEach(({ done }) => done())
    expect(holds).toEqual([true, false])
  })
})

describe('bodies that flow at the same time', () => {
  let world: World
  beforeAll(() => {
    world = openWorld()
  })

  it('each reach their own client unharmed, also while others leave', async () => {
    const bodies = Array.from({ length: 12 }, () => randomBytes(3000 * KIB))
    const upstream = await startUpstream(world.registryLeaf, ({ url = '' }, response) => {
      response.end(bodies[Number(url.split('/').at(-1))])
    })
    const sidecar = await startSidecar(upstream.connect)
    const read = async (_: Buffer, index: number) => {
      const reply = await openFrom(sidecar, `/v2/a/blobs/${index}`)
      const hash = createHash('sha256')
      for await (const part of reply) {
        hash.update(part as Buffer)
        if (index % 3 === 0) return 'left'
        if (index % 3 === 1) await turn()
      }
      return hash.digest('hex')
    }
    const wanted = (body: Buffer, index: number) =>
      index % 3 === 0 ? 'left' : createHash('sha256').update(body).digest('hex')
    for (let round = 0; round < 3; round += 1) {
      expect(await Promise.all(bodies.map(read))).toEqual(bodies.map(wanted))
    }
  })

  it('each reach the registry unharmed, in chunks or with a length', async () => {
    const arrived: Record<string, string> = {}
    const upstream = await startUpstream(world.registryLeaf, (request, response) => {
      const hash = createHash('sha256')
      request.on('data', (part: Buffer) => hash.update(part))
      request.on('end', () => {
        arrived[request.url ?? ''] = hash.digest('hex')
        response.writeHead(201).end()
      })
    })
    const sidecar = await startSidecar(upstream.connect)
    const bodies = Array.from({ length: 8 }, () => randomBytes(3000 * KIB))
    const paths = bodies.map((_, index) => `/v2/a/blobs/uploads/${index}`)
    const send = async (body: Buffer, index: number) => {
      const framing =
        index % 2 === 0 ? { 'content-length': body.length } : { 'transfer-encoding': 'chunked' }
      const headers = { host: `${NAME}:${sidecar.port}`, ...framing }
      const answer = await fetchFrom(sidecar, paths[index]!, { method: 'PUT', headers, body })
      return answer.status
    }
    expect(await Promise.all(bodies.map(send))).toEqual(bodies.map(() => 201))
    const wanted = bodies.map((body) => createHash('sha256').update(body).digest('hex'))
    expect(paths.map((path) => arrived[path])).toEqual(wanted)
  })
})
