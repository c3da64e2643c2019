import { describe, expect, it } from 'vitest'
import type { Access } from '../../src/proxy/access.ts'
import { BOUNDS, createFigures } from '../../src/proxy/figures.ts'
import { mergeFigures } from '../../src/proxy/merge.ts'
import { type Figures, METRICS } from '../../src/proxy/metrics.ts'
import { toPrometheus } from '../../src/proxy/prometheus.ts'
import { mergeStates, type State, stateFigures } from '../../src/proxy/state.ts'
import { parseExposition, valueOf } from '../support/exposition.ts'

const REGISTRY = '123456789012.dkr.ecr.us-east-1.amazonaws.com'
const REPLICA = '123456789012.dkr.ecr.eu-west-1.amazonaws.com'

const access = (more: Partial<Access> = {}): Access => ({
  method: 'GET',
  name: 'docker.company.test',
  path: '/v2/team/app/manifests/1',
  kind: 'manifests',
  registry: REGISTRY,
  repository: 'team/app',
  reference: '1',
  status: 200,
  bytesReceived: 0,
  bytesSent: 100,
  ms: 7,
  ...more,
})

const afterAll = (accesses: readonly Partial<Access>[]) => {
  const figures = createFigures()
  accesses.forEach((more) => {
    figures.begin()
    figures.add(access(more))
  })
  return figures
}

const scraped = (figures: Figures) => parseExposition(toPrometheus(figures))
const scrapedAfter = (accesses: readonly Partial<Access>[]) =>
  scraped(afterAll(accesses).snapshot())

describe('the figures', () => {
  it('count requests by registry, route, method and status, and their bytes', () => {
    const all = scrapedAfter([{}, {}, { status: 404 }, { method: 'PUT', bytesReceived: 50 }])
    const labels = { registry: REGISTRY, route: 'manifests' }
    const count = (more: Record<string, string>) =>
      valueOf(all, 'ecr_cname_requests_total', { ...labels, ...more })
    expect(count({ method: 'GET', status: '200' })).toBe(2)
    expect(count({ method: 'GET', status: '404' })).toBe(1)
    expect(count({ method: 'PUT', status: '200' })).toBe(1)
    expect(valueOf(all, 'ecr_cname_request_bytes_total', labels)).toBe(50)
    expect(valueOf(all, 'ecr_cname_response_bytes_total', labels)).toBe(400)
  })

  it('tell how many requests are under way', () => {
    const figures = createFigures()
    figures.begin()
    figures.begin()
    figures.add(access())
    expect(valueOf(scraped(figures.snapshot()), 'ecr_cname_requests_in_flight')).toBe(1)
  })

  it('tell how long requests took, in buckets that hold those below them', () => {
    const all = scrapedAfter([{ ms: 1 }, { ms: 5 }, { ms: 300 }, { ms: 1e9 }])
    const { samples = [] } = all.get('ecr_cname_request_duration_seconds') ?? {}
    const buckets = samples.filter(({ name }) => name.endsWith('_bucket'))
    expect(buckets.map(({ labels }) => labels['le'])).toEqual([...BOUNDS.map(String), '+Inf'])
    const values = buckets.map(({ value }) => value)
    expect(values).toEqual([...values].sort((one, other) => one - other))
    const upTo = (le: string) => valueOf(all, 'ecr_cname_request_duration_seconds_bucket', { le })
    expect(['0.005', '0.25', '0.5', '300', '+Inf'].map(upTo)).toEqual([2, 2, 3, 3, 4])
    expect(valueOf(all, 'ecr_cname_request_duration_seconds_count')).toBe(4)
    expect(valueOf(all, 'ecr_cname_request_duration_seconds_sum')).toBeCloseTo(1e6 + 0.306)
  })

  it('count a pull for a manifest that was got, and a push for one that was put', () => {
    const all = scrapedAfter([
      {},
      { prefix: 'a/', repository: 'app' },
      { method: 'PUT', status: 201 },
      { method: 'HEAD' },
      { status: 404 },
      { method: 'PUT', status: 403 },
      { kind: 'blobs' },
    ])
    const of = (name: string, repository: string) =>
      valueOf(all, `ecr_cname_${name}_total`, { registry: REGISTRY, repository })
    expect([of('pulls', 'team/app'), of('pushes', 'team/app')]).toEqual([1, 1])
    expect(of('pulls', 'a/app')).toBe(1)
  })

  it('count replicas that answered, and refusals by their reason', () => {
    const all = scrapedAfter([{ replica: REPLICA }, { status: 403, refusal: 'DENIED' }])
    const labels = { registry: REGISTRY, replica: REPLICA }
    expect(valueOf(all, 'ecr_cname_failovers_total', labels)).toBe(1)
    const refused = { reason: 'DENIED', status: '403' }
    expect(valueOf(all, 'ecr_cname_refusals_total', refused)).toBe(1)
  })

  it('have no label that a stranger chooses', () => {
    const { registry: _, kind: __, repository: ___, ...unmapped } = access()
    const figures = createFigures()
    for (let index = 0; index < 5000; index += 1) {
      const method = `M${index}`
      figures.begin()
      figures.add({ ...unmapped, name: `scan-${index}.test`, method, status: 421 })
      figures.begin()
      figures.add(access({ repository: `scan-${index}`, status: 404 }))
    }
    const text = toPrometheus(figures.snapshot())
    expect(text).not.toMatch(/scan|M\d/)
    const none = { registry: 'none', route: 'none', method: 'other', status: '421' }
    expect(valueOf(parseExposition(text), 'ecr_cname_requests_total', none)).toBe(5000)
  })

  it('count repositories beyond the first thousand together', () => {
    const all = scrapedAfter(
      Array.from({ length: 1100 }, (_, index) => ({ repository: `r${index}` })),
    )
    const { samples = [] } = all.get('ecr_cname_pulls_total') ?? {}
    expect(samples.length).toBe(1001)
    expect(valueOf(all, 'ecr_cname_pulls_total', { repository: 'other' })).toBe(100)
    expect(valueOf(all, 'ecr_cname_pulls_total', { repository: 'r0' })).toBe(1)
  })
})

describe('the text for Prometheus', () => {
  it('tells of every metric what it is, once, and what it has', () => {
    const all = parseExposition(toPrometheus({}))
    expect([...all]).toEqual(
      METRICS.map(({ name, type, help }) => [`ecr_cname_${name}`, { type, help, samples: [] }]),
    )
  })

  it('has labels of any text', () => {
    const registry = 'a\\b"c\nd,e="f"} 1'
    const all = scraped({ mint_failures_total: [{ labels: { registry }, value: 1 }] })
    expect(valueOf(all, 'ecr_cname_mint_failures_total', { registry })).toBe(1)
  })

  it('has the labels that the list says, and no others', () => {
    const figures = afterAll([{}, { replica: REPLICA }, { refusal: 'DENIED' }, { method: 'PUT' }])
    const state: State = { startedAt: 1, workers: 1, names: [nameState] }
    const both = mergeFigures([figures.snapshot(), stateFigures(state, 2000)])
    for (const { name, labels } of METRICS) {
      for (const sample of both[name] ?? []) {
        const named = Object.keys(sample.labels).filter((label) => label !== 'le')
        expect([name, named]).toEqual([name, labels])
      }
    }
  })
})

const nameState = {
  name: 'docker.company.test',
  registry: REGISTRY,
  replicas: [],
  injects: true,
  certificate: { notBefore: 0, notAfter: 90_000 },
  token: { mintedAt: 1000, expiresAt: 60_000 },
  upstream: { answeredAt: 1500 },
}

describe('the figures of several processes', () => {
  it('are the sums of their counters and of what they have at the moment', () => {
    const one = afterAll([{}, { status: 404 }])
    const other = afterAll([{}, { repository: 'b' }])
    other.begin()
    const all = scraped(mergeFigures([one.snapshot(), other.snapshot()]))
    expect(valueOf(all, 'ecr_cname_requests_total', { status: '200' })).toBe(3)
    expect(valueOf(all, 'ecr_cname_pulls_total', { repository: 'team/app' })).toBe(2)
    expect(valueOf(all, 'ecr_cname_requests_in_flight')).toBe(1)
    expect(valueOf(all, 'ecr_cname_request_duration_seconds_count')).toBe(4)
    expect(valueOf(all, 'ecr_cname_request_duration_seconds_bucket', { le: '+Inf' })).toBe(4)
  })

  it('go on with the counters of those that have ended, and without what they had', () => {
    const ended = afterAll([{}])
    ended.begin()
    const all = scraped(mergeFigures([afterAll([{}]).snapshot()], [ended.snapshot()]))
    expect(valueOf(all, 'ecr_cname_requests_total')).toBe(2)
    expect(valueOf(all, 'ecr_cname_requests_in_flight')).toBe(0)
  })

  it('are the same whether merged at once or one after the other, and over JSON', () => {
    const [a, b, c] = [1, 2, 3].map((count) =>
      afterAll(Array.from({ length: count }, () => ({}))).snapshot(),
    ) as [Figures, Figures, Figures]
    const sent = JSON.parse(JSON.stringify(mergeFigures([a, b]))) as Figures
    expect(mergeFigures([sent, c])).toEqual(mergeFigures([a, b, c]))
  })

  it('have the worst lag of all, not the sum', () => {
    const lag = (value: number): Figures => ({
      event_loop_lag_seconds: [{ labels: { percentile: '99' }, value }],
    })
    const all = scraped(mergeFigures([lag(0.2), lag(0.5)]))
    expect(valueOf(all, 'ecr_cname_event_loop_lag_seconds')).toBe(0.5)
  })
})

describe('the state of several processes', () => {
  it('has the latest that any of them knows', () => {
    const one: State = { startedAt: 10, workers: 1, names: [nameState] }
    const later = {
      ...nameState,
      token: { mintedAt: 2000, expiresAt: 99_000 },
      upstream: { answeredAt: 1000, failedAt: 3000, error: 'ECONNREFUSED' },
      replicaAnsweredAt: 7,
    }
    expect(mergeStates([one, { startedAt: 20, workers: 1, names: [later] }])).toEqual({
      startedAt: 10,
      workers: 2,
      names: [{ ...later, upstream: { ...later.upstream, answeredAt: 1500 } }],
    })
  })

  it('is measured: the age of tokens, and when tokens and certificates end', () => {
    const all = scraped(stateFigures({ startedAt: 5000, workers: 3, names: [nameState] }, 31_000))
    const of = (name: string) => valueOf(all, `ecr_cname_${name}`)
    expect(of('token_age_seconds')).toBe(30)
    expect(of('token_expiry_timestamp_seconds')).toBe(60)
    expect(of('certificate_expiry_timestamp_seconds')).toBe(90)
    expect(of('upstream_answer_timestamp_seconds')).toBe(1.5)
    expect(of('start_time_seconds')).toBe(5)
    expect(of('workers')).toBe(3)
  })
})
