import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { Readable } from 'node:stream'
import { text as readText } from 'node:stream/consumers'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type AdminOptions, createAdmin } from '../../src/proxy/admin.ts'
import { readinessOf } from '../../src/proxy/readiness.ts'
import { listen } from '../../src/proxy/server.ts'
import type { NameState } from '../../src/proxy/state.ts'

const NOW = 1_000_000

const READY: NameState = {
  name: 'docker.company.test',
  registry: '123456789012.dkr.ecr.us-east-1.amazonaws.com',
  replicas: [],
  injects: true,
  certificate: { notBefore: NOW - 1000, notAfter: NOW + 1000 },
  token: { mintedAt: NOW - 1000, expiresAt: NOW + 1000 },
  upstream: { answeredAt: NOW - 1000 },
}

const stateOf = (...names: readonly NameState[]) => ({ startedAt: 0, workers: 1, names })

async function start(more: Partial<AdminOptions> = {}) {
  const { url, drain } = await listen({
    address: { host: '127.0.0.1', port: 0 },
    handler: createAdmin({
      figures: async () => ({ workers: [{ labels: {}, value: 2 }] }),
      state: async () => stateOf(READY),
      history: async () => ({ names: [], other: [], pulls: [], pushes: [], failures: [] }),
      version: '1.2.3',
      refresh: async () => {},
      now: () => NOW,
      isLocal: true,
      debug: {
        cpuProfile: async (seconds) => JSON.stringify({ seconds }),
        heapSnapshot: () => Readable.from(['{"snapshot":', '{}}']),
      },
      ...more,
    }),
    onError: (error) => {
      throw error
    },
  })
  onTestFinished(() => drain(0))
  return async (path: string, headers: Record<string, string> = {}, method = 'GET') => {
    const outgoing = request(`${url}${path}`, { headers, method, agent: false }).end()
    const [reply] = (await once(outgoing, 'response')) as [IncomingMessage]
    return { status: reply.statusCode, headers: reply.headers, text: await readText(reply) }
  }
}

describe('the admin address', () => {
  it('answers / with the status page, which no browser is to keep', async () => {
    const page = await (await start())('/')
    expect(page).toMatchObject({
      status: 200,
      headers: {
        'cache-control': 'no-store',
        'content-security-policy': expect.stringMatching(/^default-src 'none'; /) as string,
        'content-type': 'text/html; charset=utf-8',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
      },
    })
    expect(page.text).toContain(`<h2>${READY.name}</h2>`)
  })

  it('answers /healthz, /readyz and /metrics', async () => {
    const ask = await start()
    expect(await ask('/healthz')).toMatchObject({ status: 200, text: '{"status":"ok"}\n' })
    const ready = await ask('/readyz')
    expect([ready.status, JSON.parse(ready.text)]).toMatchObject([200, { ready: true }])
    expect(await ask('/metrics')).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' },
      text: expect.stringContaining('\necr_cname_workers 2\n') as string,
    })
  })

  it('says what is served there, and takes nothing but questions', async () => {
    const ask = await start()
    expect(await ask('/v2/')).toMatchObject({
      status: 404,
      text: expect.stringContaining('/metrics') as string,
    })
    expect((await ask('/toString')).status).toBe(404)
    const refused = await ask('/metrics', {}, 'POST')
    expect([refused.status, refused.headers.allow]).toEqual([405, 'GET, HEAD'])
    expect(await ask('/metrics', {}, 'HEAD')).toMatchObject({ status: 200, text: '' })
  })

  it('is not ready while the registries that it asks do not answer', async () => {
    let state = stateOf({ ...READY, upstream: {} })
    const refresh = async () => {
      state = stateOf({ ...READY, upstream: { failedAt: NOW, error: 'ECONNREFUSED' } })
    }
    const ask = await start({ state: async () => state, refresh })
    const { status, text } = await ask('/readyz')
    expect(status).toBe(503)
    const { checks } = JSON.parse(text) as ReturnType<typeof readinessOf>
    expect(checks).toContainEqual({
      name: READY.name,
      check: 'upstream',
      ok: false,
      detail: `${READY.registry}: ECONNREFUSED`,
    })
  })

  it('says that it failed, and goes on, when it can not tell', async () => {
    const ask = await start({ figures: () => Promise.reject(new Error('a worker has gone')) })
    expect((await ask('/metrics')).status).toBe(500)
    expect((await ask('/healthz')).status).toBe(200)
  })

  it.each(['evil.test', 'evil.test:9100', '127.0.0.1.test', 'localhost.test'])(
    'on the loopback tells a page that had its own name lead there (%j) no more than health',
    async (host) => {
      const ask = await start()
      for (const path of ['/', '/metrics', '/readyz', '/debug/heapsnapshot', '/debug/cpuprofile']) {
        expect([path, (await ask(path, { host })).status]).toEqual([path, 421])
      }
      expect((await ask('/healthz', { host })).status).toBe(200)
    },
  )

  it.each(['localhost', 'localhost:9100', '127.0.0.1:9100', '[::1]:9100', '10.0.0.1'])(
    'on the loopback answers who asks for %s',
    async (host) => {
      const ask = await start()
      expect((await ask('/metrics', { host })).status).toBe(200)
    },
  )

  it('elsewhere is asked by any name', async () => {
    const ask = await start({ isLocal: false })
    expect((await ask('/metrics', { host: 'sidecar.monitoring.svc:9100' })).status).toBe(200)
  })
})

describe('what looks into the process', () => {
  it('is a CPU profile of some seconds, and all that is in memory', async () => {
    const ask = await start()
    expect(await ask('/debug/cpuprofile?seconds=3')).toMatchObject({
      status: 200,
      headers: { 'content-disposition': 'attachment; filename="sidecar.cpuprofile"' },
      text: '{"seconds":3}',
    })
    expect(await ask('/debug/heapsnapshot')).toMatchObject({
      status: 200,
      headers: { 'cache-control': 'no-store' },
      text: '{"snapshot":{}}',
    })
    expect((await ask('/debug/heapsnapshot')).status).toBe(200)
  })

  it.each(['0', '61', '1.5', '-1', 'x', '', '1e1'])('takes no %j seconds', async (seconds) => {
    const ask = await start()
    expect((await ask(`/debug/cpuprofile?seconds=${seconds}`)).status).toBe(400)
  })

  it('is done one at a time', async () => {
    const profile = Promise.withResolvers<string>()
    const cpuProfile = () => profile.promise
    const heapSnapshot = () => Readable.from(['{}'])
    const ask = await start({ debug: { cpuProfile, heapSnapshot } })
    const first = ask('/debug/cpuprofile')
    let second = await ask('/debug/heapsnapshot')
    expect(second.status).toBe(429)
    second = await ask('/debug/cpuprofile')
    expect(second.status).toBe(429)
    profile.resolve('{}')
    expect((await first).status).toBe(200)
    expect((await ask('/debug/heapsnapshot')).status).toBe(200)
  })

  it('is served on the loopback only, and says why', async () => {
    const ask = await start({ isLocal: false })
    for (const path of ['/debug/heapsnapshot', '/debug/cpuprofile']) {
      const { status, text } = await ask(path)
      expect([status, text]).toEqual([403, expect.stringContaining('--admin is on the loopback')])
    }
  })

  it.each(['cross-site', 'same-site'])('is not there for pages that are %s', async (site) => {
    const ask = await start()
    const headers = { 'sec-fetch-site': site }
    expect((await ask('/debug/heapsnapshot', headers)).status).toBe(403)
    expect((await ask('/debug/heapsnapshot', { 'sec-fetch-site': 'none' })).status).toBe(200)
  })
})

describe('readiness', () => {
  const failedChecks = (more: Partial<NameState>) =>
    readinessOf(stateOf(READY, { ...READY, name: 'other.test', ...more }), NOW)
      .checks.filter(({ ok }) => !ok)
      .map(({ name, check, detail }) => `${name} ${check}: ${detail}`)

  it.each<readonly [string, Partial<NameState>, readonly unknown[]]>([
    ['nothing is wrong', {}, []],
    [
      'a token has ended',
      { token: { mintedAt: 0, expiresAt: NOW } },
      ['other.test token: it ended at 1970-01-01T00:16:40.000Z'],
    ],
    [
      'a certificate has ended',
      { certificate: { notBefore: 0, notAfter: NOW - 1000 } },
      ['other.test certificate: it ended at 1970-01-01T00:16:39.000Z'],
    ],
    [
      'a certificate is not good yet',
      { certificate: { notBefore: NOW + 1000, notAfter: NOW + 2000 } },
      ['other.test certificate: it begins at 1970-01-01T00:16:41.000Z'],
    ],
    [
      'a registry has failed since it answered',
      { upstream: { answeredAt: NOW - 2, failedAt: NOW - 1, error: 'ENOTFOUND' } },
      [`other.test upstream: ${READY.registry}: ENOTFOUND`],
    ],
    [
      'a registry was not heard of for long',
      { upstream: { answeredAt: NOW - 60_001 } },
      [`other.test upstream: ${READY.registry}: it was not asked lately`],
    ],
    ['a replica answers in its place', { upstream: {}, replicaAnsweredAt: NOW }, []],
  ])('tells for each name when %s', (_, more, expected) => {
    expect(failedChecks(more)).toEqual(expected)
  })

  it('wants a token where the sidecar logs in itself, a certificate where there is TLS', () => {
    const { token: _, certificate: __, ...bare } = READY
    const of = (state: NameState) => readinessOf(stateOf(state), NOW).checks
    expect(of({ ...bare, injects: false }).map(({ check }) => check)).toEqual(['upstream'])
    expect(of(bare)).toContainEqual(expect.objectContaining({ check: 'token', ok: false }))
  })
})
