import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { HostPort } from '../../src/domain/mapping.ts'
import { createNews } from '../../src/proxy/news.ts'
import { createRefresh } from '../../src/proxy/readiness.ts'
import { createUpstream } from '../../src/proxy/upstream.ts'
import { mappingTo, openWorld, REGISTRY, startRawUpstream, startUpstream } from './neighbours.ts'

let world: ReturnType<typeof openWorld>
beforeAll(() => {
  world = openWorld()
})

/** News of registries at a time that the test says. */
function listening() {
  const upstream = createUpstream()
  onTestFinished(() => upstream.close())
  const failures: string[] = []
  let time = 1000
  const news = createNews({
    upstream,
    now: () => time,
    failed: (host, trouble) => failures.push(`${host} ${trouble}`),
  })
  return { news, failures, pass: (ms: number) => (time += ms), now: () => time }
}

const siteAt = (connect: HostPort) => [...mappingTo(connect).values()][0]!
const NOWHERE = { host: '127.0.0.1', port: 1 }

describe('the news of a registry', () => {
  it('tells when it last answered, whatever that was', async () => {
    const upstream = await startUpstream(world.registryLeaf, (_, response) => {
      response.writeHead(401).end()
    })
    const { news, failures } = listening()
    expect(news.of(REGISTRY.host)).toEqual({})
    await news.knock(siteAt(upstream.connect), 3000)
    expect(news.of(REGISTRY.host)).toEqual({ answeredAt: 1000 })
    expect(failures).toEqual([])
    expect(upstream.wire.join('')).toMatch(/^GET \/v2\/ HTTP\/1\.1\r\nHost: \d{12}\.dkr/)
  })

  it('tells why it could not be reached', async () => {
    const { news, failures } = listening()
    await news.knock(siteAt(NOWHERE), 3000)
    await news.knock(siteAt({ host: 'none.invalid' }), 3000)
    expect(failures).toEqual([`${REGISTRY.host} refused`, `${REGISTRY.host} dns`])
    expect(news.of(REGISTRY.host)).toMatchObject({ failedAt: 1000 })
  })

  it.each([
    ['is cut before a head', 'reset', (end: () => void) => end()],
    ['never comes', 'timeout', () => {}],
  ])('tells of an answer that %s', async (_, trouble, act) => {
    const upstream = await startRawUpstream(world.registryLeaf, (socket) => {
      socket.once('data', () => act(() => socket.destroy()))
    })
    const { news, failures } = listening()
    await news.knock(siteAt(upstream.connect), 200)
    expect(failures).toEqual([`${REGISTRY.host} ${trouble}`])
  })

  it('tells of a certificate that is not the registry’s, and of what is not HTTP', async () => {
    const { news, failures } = listening()
    const other = await startUpstream(world.ownLeaf, (_, response) => response.end())
    await news.knock(siteAt(other.connect), 3000)
    const rubbish = await startRawUpstream(world.registryLeaf, (socket) => {
      socket.once('data', () => socket.end('rubbish\r\n\r\n'))
    })
    await news.knock(siteAt(rubbish.connect), 3000)
    expect(failures).toEqual([`${REGISTRY.host} tls`, `${REGISTRY.host} protocol`])
  })
})

describe('what asks registries for the sake of readiness', () => {
  async function refreshing(connect: HostPort) {
    const listened = listening()
    const { news, now } = listened
    return { ...listened, refresh: createRefresh({ news, now, sites: () => [[siteAt(connect)]] }) }
  }

  const answering = async () => {
    let count = 0
    const upstream = await startUpstream(world.registryLeaf, (_, response) => {
      count += 1
      response.end('{}')
    })
    return { connect: upstream.connect, asked: () => count }
  }

  it('asks those alone that were not heard of lately', async () => {
    const { connect, asked } = await answering()
    const { refresh, pass, news } = await refreshing(connect)
    await Promise.all([refresh(), refresh(), refresh()])
    expect([asked(), news.of(REGISTRY.host)]).toEqual([1, { answeredAt: 1000 }])
    pass(20_000)
    await refresh()
    expect(asked()).toBe(1)
    pass(20_000)
    await refresh()
    expect([asked(), news.of(REGISTRY.host)]).toEqual([2, { answeredAt: 41_000 }])
  })

  it('asks one that fails again, but not more often than every five seconds', async () => {
    const { refresh, pass, failures } = await refreshing(NOWHERE)
    await refresh()
    pass(4000)
    await refresh()
    expect(failures.length).toBe(1)
    pass(2000)
    await refresh()
    expect(failures.length).toBe(2)
  })

  it('asks replicas when the registry itself does not answer', async () => {
    const { connect, asked } = await answering()
    const { news, now } = listening()
    const replica = { ...siteAt(connect), registry: { ...REGISTRY, host: REGISTRY.host } }
    const sites = () => [[siteAt(NOWHERE), replica]]
    await createRefresh({ news, now, sites })()
    expect(asked()).toBe(1)
  })
})
