import { describe, expect, it } from 'vitest'
import { type Access, CLIENT_LEFT } from '../../src/proxy/access.ts'
import { createHistory, LATEST, mergeHistories } from '../../src/proxy/history.ts'

const MINUTE = 60_000
const START = Date.UTC(2026, 10, 21, 14, 0)
const PULL: Access = {
  method: 'GET',
  name: 'docker.company.test:5000',
  path: '/v2/team/app/manifests/1',
  kind: 'manifests',
  registry: '123456789012.dkr.ecr.us-east-1.amazonaws.com',
  repository: 'team/app',
  reference: '1',
  status: 200,
  bytesReceived: 0,
  bytesSent: 500,
  ms: 3,
}
const PUSH: Access = { ...PULL, method: 'PUT', status: 201, bytesReceived: 700, bytesSent: 0 }

/** What the first registry failed with is told, too. */
const FROM_REPLICA = { replica: 'other.test', error: 'the first can not be reached' }

/** A history whose clock the test sets, of a sidecar that serves one name, and others by a wildcard. */
function start() {
  const clock = { now: START }
  const nameOf = (host: string) => {
    if (host.startsWith('docker.company.test')) return 'docker.company.test'
    return host.endsWith('.dkr.test') ? '*.dkr.test' : undefined
  }
  return { clock, ...createHistory({ now: () => clock.now, nameOf }) }
}

describe('a history', () => {
  it('counts requests, errors and bytes by name and minute', () => {
    const { clock, add, snapshot } = start()
    add(PULL)
    add({ ...PUSH, status: 424 })
    clock.now += 59_999
    add(PULL)
    clock.now += 1
    add(PULL)
    expect(snapshot().names).toEqual([
      {
        name: 'docker.company.test',
        minutes: [
          { at: START, requests: 3, errors: 1, bytesReceived: 700, bytesSent: 1000 },
          { at: START + MINUTE, requests: 1, errors: 0, bytesReceived: 0, bytesSent: 500 },
        ],
      },
    ])
  })

  it('forgets minutes that are over an hour ago', () => {
    const { clock, add, snapshot } = start()
    add(PULL)
    clock.now += 59 * MINUTE
    expect(snapshot().names[0]?.minutes).toHaveLength(1)
    clock.now += MINUTE
    expect(snapshot().names[0]?.minutes).toEqual([])
    add(PULL)
    expect(snapshot().names[0]?.minutes).toMatchObject([{ at: clock.now, requests: 1 }])
  })

  it('knows nothing of times to come when the clock was set back', () => {
    const { clock, add, snapshot } = start()
    clock.now += 365 * 24 * 60 * MINUTE
    add(PULL)
    clock.now = START
    add(PULL)
    expect(snapshot().names[0]?.minutes).toMatchObject([{ at: START, requests: 1 }])
  })

  it('counts all hosts of a wildcard as one, and those that are not served apart', () => {
    const { add, snapshot } = start()
    for (const host of ['a.dkr.test', 'b.dkr.test']) add({ ...PULL, name: host })
    for (const host of ['x.test', 'y.test', '']) add({ ...PULL, name: host, status: 421 })
    const { names, other } = snapshot()
    expect(names).toMatchObject([{ name: '*.dkr.test', minutes: [{ requests: 2 }] }])
    expect(other).toMatchObject([{ requests: 3, errors: 0 }])
  })

  it.each<[string, Partial<Access>, number]>([
    ['an answer', {}, 0],
    ['a refusal', { status: 403, error: 'no rule allows it' }, 0],
    ['an image that is not there', { status: 404 }, 0],
    ['a registry that could not be reached', { status: 424, error: 'it refused' }, 1],
    ['a fault', { status: 500, error: 'a fault' }, 1],
    ['an answer of 503', { status: 503 }, 1],
    ['an answer that was cut', { status: 200, error: 'the registry cut its answer' }, 1],
    ['an answer of a replica', FROM_REPLICA, 0],
    ['a client that left', { status: 200, error: CLIENT_LEFT }, 0],
    ['a client that left before its answer', { status: 499, error: CLIENT_LEFT }, 0],
  ])('takes %s for what it is', (_, access, errors) => {
    const { add, snapshot } = start()
    add({ ...PULL, ...access })
    expect(snapshot().names[0]?.minutes[0]?.errors).toBe(errors)
  })

  it('leaves out what load balancers ask', () => {
    const { add, snapshot } = start()
    add({ ...PULL, path: '/healthz' })
    expect(snapshot()).toEqual({ names: [], other: [], pulls: [], pushes: [], failures: [] })
  })

  it('lists pulls and pushes of manifests, the latest first', () => {
    const { clock, add, snapshot } = start()
    add({ ...PULL, client: 'alice' })
    clock.now += 1000
    add({ ...PULL, path: '/v2/team/app/manifests/2', reference: '2', ...FROM_REPLICA })
    add(PUSH)
    add({ ...PULL, method: 'HEAD' })
    add({ ...PULL, kind: 'blobs' })
    add({ ...PUSH, kind: 'uploads' })
    const { pulls, pushes, failures } = snapshot()
    expect(pulls).toMatchObject([
      { at: START + 1000, reference: '2', replica: 'other.test', bytes: 500 },
      { at: START, client: 'alice', repository: 'team/app', reference: '1', times: 1 },
    ])
    expect(pushes).toMatchObject([{ at: START + 1000, reference: '1', status: 201, bytes: 700 }])
    expect(failures).toEqual([])
  })

  it('lists what was refused or failed with its reason', () => {
    const { clock, add, snapshot } = start()
    const reasons = ['bob may not push team/app', 'the registry cut its answer', CLIENT_LEFT]
    for (const error of reasons) {
      add({ ...PUSH, status: 403, error })
      clock.now += 1
    }
    add({ ...PUSH, status: 409 })
    expect(snapshot().failures.map(({ reason }) => reason)).toEqual([
      'the registry answered 409',
      ...reasons.toReversed(),
    ])
    expect(snapshot().pushes).toEqual([])
  })

  it('does not list how logins begin, and what is not there before a push', () => {
    const { add, snapshot } = start()
    const base = { ...PULL, path: '/v2/', status: 401 }
    add({ ...base, error: 'log in first: docker login docker.company.test' })
    add(base)
    add({ ...PULL, method: 'HEAD', status: 404 })
    expect(snapshot().failures).toEqual([])
    add({ ...base, error: 'name or password is wrong' })
    expect(snapshot().failures).toHaveLength(1)
  })

  it('lists what comes again once, and says how often it came', () => {
    const { clock, add, snapshot } = start()
    add({ ...PULL, client: 'alice' })
    for (let times = 0; times < 200; times += 1) {
      clock.now += 1
      add({ ...PULL, client: 'bob' })
    }
    expect(snapshot().pulls).toMatchObject([
      { client: 'bob', times: 200, at: START + 200 },
      { client: 'alice', times: 1, at: START },
    ])
  })

  it('keeps so many, of so much text, however much is asked for', () => {
    const { add, snapshot } = start()
    const long = 'x'.repeat(100_000)
    for (let number = 0; number < 1000; number += 1) {
      const path = `/v2/${number}${long}`
      const access = { ...PULL, client: long, name: `${number}.test${long}`, path }
      add({ ...access, repository: long, reference: long })
      add({ ...access, status: 403, error: `${number}${long}` })
    }
    const history = snapshot()
    expect([history.pulls.length, history.failures.length]).toEqual([LATEST, LATEST])
    expect(history.failures[0]?.reason).toMatch(/^999x+…$/)
    expect(history.names).toEqual([])
    expect(JSON.stringify(history).length).toBeLessThan(300_000)
  })
})

describe('the histories of several processes', () => {
  it('become one', () => {
    const [one, two] = [start(), start()]
    one.add({ ...PULL, client: 'alice' })
    one.add({ ...PULL, name: 'x.test', status: 421, error: 'not mapped' })
    two.clock.now += MINUTE
    two.add({ ...PULL, client: 'alice' })
    two.add({ ...PULL, name: 'b.dkr.test', client: 'bob' })
    one.clock.now += MINUTE
    one.add(PUSH)
    const merged = mergeHistories([one.snapshot(), two.snapshot()])
    expect(merged).toMatchObject({
      names: [
        {
          name: 'docker.company.test',
          minutes: [
            { at: START, requests: 1 },
            { at: START + MINUTE, requests: 2, bytesSent: 500, bytesReceived: 700 },
          ],
        },
        { name: '*.dkr.test', minutes: [{ at: START + MINUTE, requests: 1 }] },
      ],
      other: [{ requests: 1 }],
      pushes: [{ times: 1 }],
      failures: [{ reason: 'not mapped' }],
    })
    expect(merged.pulls.map(({ client, times, at }) => [client, times, at])).toEqual([
      ['alice', 2, START + MINUTE],
      ['bob', 1, START + MINUTE],
    ])
  })

  it('are the same after a way through JSON, and alone', () => {
    const { add, snapshot } = start()
    add(PULL)
    add({ ...PULL, status: 403, error: 'no' })
    const history = snapshot()
    expect(JSON.parse(JSON.stringify(history))).toEqual(history)
    expect(mergeHistories([history])).toEqual(history)
  })

  it('keep so many together', () => {
    const { clock, add, snapshot } = start()
    const histories = [1, 2].map((process) => {
      for (let number = 0; number < LATEST; number += 1) {
        clock.now += 1
        add({ ...PULL, path: `/v2/${process}/${number}` })
      }
      return snapshot()
    })
    const { pulls } = mergeHistories(histories)
    expect(pulls).toHaveLength(LATEST)
    expect(pulls[0]?.path).toBe(`/v2/2/${LATEST - 1}`)
  })
})
