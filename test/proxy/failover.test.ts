import type { RequestListener } from 'node:http'
import { type AddressInfo, connect as connectTcp, createServer } from 'node:net'
import { text as readText } from 'node:stream/consumers'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { HostPort, Mappings } from '../../src/domain/mapping.ts'
import { parseRegistry, type Registry } from '../../src/domain/registry.ts'
import type { Inject } from '../../src/proxy/exchange.ts'
import type { Deadlines } from '../../src/proxy/upstream.ts'
import {
  fetchFrom,
  NAME,
  openFrom,
  openWorld,
  REGISTRY,
  startRawUpstream,
  startSidecar,
  startUpstream,
  type World,
} from './neighbours.ts'

const REPLICA = parseRegistry('123456789012.dkr.ecr.eu-west-1.amazonaws.com') as Registry
const NOWHERE: HostPort = { host: 'no-such-host.invalid' }
const MANIFEST = '/v2/a/manifests/1'

let world: World
beforeAll(() => {
  world = openWorld()
})

/** Tokens that tell for which registry they are. */
const inject: Inject = {
  admission: { takesCertificates: false },
  tokensFor: ({ registry }) => ({
    hold: async () => `token for ${registry.region}`,
    refused: () => false,
    helped: () => {},
  }),
}

function withReplica(first: HostPort, replica: HostPort): Mappings {
  const replicas = [{ registry: REPLICA, connect: replica }]
  return new Map([[NAME, { name: NAME, registry: REGISTRY, connect: first, replicas }]])
}

const startReplica = (handler: RequestListener) =>
  startUpstream(world.authority.issue([REPLICA.host]), handler)

const startFirst = (status: number) =>
  startUpstream(world.registryLeaf, (request, response) => {
    request.resume().on('end', () => response.writeHead(status).end('first'))
  })

async function start(
  first: HostPort,
  handler?: RequestListener,
  deadlines: Partial<Deadlines> = {},
  now?: () => number,
) {
  const own: RequestListener = (request, response) => {
    response.end(`${request.headers.host}: ${request.headers.authorization}`)
  }
  const replica = await startReplica(handler ?? own)
  const mappings = withReplica(first, replica.connect)
  const options = { mappings, inject, deadlines, ...(now && { now }) }
  return { sidecar: await startSidecar(undefined, options), replica }
}

describe('a pull', () => {
  it('is read from the replica, with its token, when the first registry can not be reached', async () => {
    const { sidecar } = await start(NOWHERE)
    expect(await fetchFrom(sidecar, MANIFEST)).toMatchObject({
      status: 200,
      text: `${REPLICA.host}: token for eu-west-1`,
    })
    expect(sidecar.accesses[0]).toMatchObject({
      status: 200,
      replica: REPLICA.host,
      error: expect.stringMatching(/^1234.*name can't be looked up/) as string,
    })
  })

  it.each(['GET', 'HEAD'])('is read from the replica when the first fails: %s', async (method) => {
    const { connect } = await startFirst(503)
    const { sidecar } = await start(connect)
    expect(await fetchFrom(sidecar, MANIFEST, { method })).toMatchObject({ status: 200 })
    expect(sidecar.accesses[0]).toMatchObject({ error: `${REGISTRY.host} answered 503` })
  })

  it('is read from the replica when the first takes it and says nothing for long', async () => {
    const { connect } = await startUpstream(world.registryLeaf, (request) => request.resume())
    const { sidecar } = await start(connect, undefined, { head: 600_000, headReplaceable: 200 })
    expect(await fetchFrom(sidecar, MANIFEST)).toMatchObject({ status: 200 })
    expect(sidecar.accesses[0]).toMatchObject({
      replica: REPLICA.host,
      error: expect.stringMatching(/did not answer it in time/) as string,
    })
  })

  it.each([200, 307, 403, 404, 429])('is not when the first answers %d', async (status) => {
    const { connect } = await startFirst(status)
    const { sidecar, replica } = await start(connect)
    expect(await fetchFrom(sidecar, MANIFEST)).toMatchObject({ status, text: 'first' })
    expect(replica.wire).toEqual([])
    expect(sidecar.accesses[0]?.replica).toBeUndefined()
  })

  it('gets the failure of the first when the replica does not have it', async () => {
    const { connect } = await startFirst(502)
    const { sidecar } = await start(connect, (_, response) => response.writeHead(404).end('none'))
    expect(await fetchFrom(sidecar, MANIFEST)).toMatchObject({ status: 502, text: 'first' })
  })

  it('gets the failure of the first when the replica fails too', async () => {
    const { sidecar } = await start(NOWHERE, (_, response) => response.writeHead(500).end())
    const { status, text } = await fetchFrom(sidecar, MANIFEST)
    expect([status, text]).toEqual([424, expect.stringContaining(REGISTRY.host)])
  })

  it('that breaks off in its body is broken, not mended from elsewhere', async () => {
    const first = await startRawUpstream(world.registryLeaf, (socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf', () => socket.destroy())
      })
    })
    const { sidecar, replica } = await start(first.connect)
    const reply = await openFrom(sidecar, MANIFEST)
    await expect(readText(reply)).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(replica.wire).toEqual([])
  })

  it('gets URLs of the replica under the name that it asked for', async () => {
    const { sidecar } = await start(NOWHERE, (_, response) => {
      response
        .writeHead(200, { link: `<https://${REPLICA.host}/v2/a/tags/list>; rel="next"` })
        .end()
    })
    const { headers } = await fetchFrom(sidecar, '/v2/a/tags/list')
    expect(headers['link']).toBe(`<http://${NAME}:${sidecar.port}/v2/a/tags/list>; rel="next"`)
  })
})

describe('a first registry that could not be connected to', () => {
  /** One whose connections are taken and never answered, and that comes to life when told. */
  async function startDead() {
    let alive: HostPort | undefined
    const asked: string[] = []
    const server = createServer((socket) => {
      asked.push('first')
      socket.on('error', () => {})
      if (!alive) return
      const through = connectTcp(alive.port ?? 0, alive.host)
      socket.pipe(through).pipe(socket)
      through.on('error', () => socket.destroy())
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    const revive = async () => (alive = (await startFirst(200)).connect)
    return { connect: { host: '127.0.0.1', port }, asked, revive }
  }

  async function startBeside(handler?: RequestListener) {
    const clock = { now: 0 }
    const dead = await startDead()
    const deadlines = { connectReplaceable: 200, connect: 200 }
    const { sidecar, replica } = await start(dead.connect, handler, deadlines, () => clock.now)
    const pull = async (method = 'GET') => await fetchFrom(sidecar, MANIFEST, { method })
    return { clock, dead, sidecar, replica, pull }
  }

  it.each(['GET', 'HEAD'])('costs the next pulls no wait: %s', async (method) => {
    const { clock, dead, sidecar, pull } = await startBeside()
    await pull()
    expect(dead.asked).toHaveLength(1)
    clock.now = 9_999
    expect(await pull(method)).toMatchObject({ status: 200 })
    expect(dead.asked).toHaveLength(1)
    const [before, after] = sidecar.accesses
    expect(after).toMatchObject({ replica: REPLICA.host, error: before?.error })
  })

  it('is asked first again ten seconds later', async () => {
    const { clock, dead, pull } = await startBeside()
    await pull()
    await dead.revive()
    clock.now = 10_000
    expect(await pull()).toMatchObject({ text: 'first' })
    expect(await pull()).toMatchObject({ text: 'first' })
  })

  it('is asked for what the replica does not have', async () => {
    const { dead, pull } = await startBeside((_, response) => response.writeHead(404).end('none'))
    expect(await pull()).toMatchObject({ status: 424 })
    await dead.revive()
    expect(await pull()).toMatchObject({ status: 200, text: 'first' })
  })

  it('has pushes all the same', async () => {
    const { dead, replica, pull } = await startBeside()
    await pull()
    const before = replica.wire.length
    expect(await pull('PUT')).toMatchObject({ status: 424 })
    expect(dead.asked).toHaveLength(2)
    expect(replica.wire).toHaveLength(before)
  })

  it('is no first one that answers with a failure', async () => {
    const { connect: to, wire } = await startFirst(503)
    const { sidecar } = await start(to)
    await fetchFrom(sidecar, MANIFEST)
    await fetchFrom(sidecar, MANIFEST)
    expect(wire.join('').match(/^GET /gm)).toHaveLength(2)
  })
})

describe('a push', () => {
  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])(
    'is for the first registry alone: %s',
    async (method) => {
      const { connect } = await startFirst(503)
      const { sidecar, replica } = await start(connect)
      expect(await fetchFrom(sidecar, MANIFEST, { method })).toMatchObject({ status: 503 })
      expect(replica.wire).toEqual([])
    },
  )
})

describe("a client's own token", () => {
  it('is sent to the first registry alone', async () => {
    const { connect } = await startFirst(503)
    const replica = await startReplica((_, response) => response.end())
    const mappings = withReplica(connect, replica.connect)
    const sidecar = await startSidecar(undefined, { mappings })
    expect(await fetchFrom(sidecar, MANIFEST)).toMatchObject({ status: 503 })
    expect(replica.wire).toEqual([])
  })
})
