import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Entry, History, Minute } from '../../src/proxy/history.ts'
import type { NameState, State } from '../../src/proxy/state.ts'
import { PAGE_FIELDS, statusPage } from '../../src/proxy/status-page.ts'
import { duration, size } from '../../src/proxy/status-page/words.ts'

const NAME = 'docker.company.test'
const REGISTRY = '123456789012.dkr.ecr.us-east-1.amazonaws.com'
const REPLICA = '123456789012.dkr.ecr.eu-west-1.amazonaws.com'
const NOW = Date.UTC(2026, 10, 21, 14, 20, 19)
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const SERVED: NameState = {
  name: NAME,
  registry: REGISTRY,
  replicas: [REPLICA],
  certificate: { notBefore: NOW - 7 * DAY, notAfter: NOW + 83 * DAY },
  injects: true,
  token: { mintedAt: NOW - 4 * HOUR, expiresAt: NOW + 3 * HOUR + 12 * MINUTE },
  upstream: { answeredAt: NOW - 2000 },
}
const STATE: State = { startedAt: NOW - 3 * HOUR, workers: 2, names: [SERVED] }
const NOTHING: History = { names: [], other: [], pulls: [], pushes: [], failures: [] }
const ENTRY: Entry = {
  at: NOW - 4 * MINUTE,
  times: 1,
  client: 'alice',
  name: NAME,
  method: 'GET',
  path: '/v2/team/app/manifests/1.2',
  repository: 'team/app',
  reference: '1.2',
  status: 200,
  bytes: 1234,
}

const minute = (ago: number, requests: number, errors = 0): Minute => ({
  at: NOW - (NOW % MINUTE) - ago * MINUTE,
  requests,
  errors,
  bytesReceived: 0,
  bytesSent: requests * 1000,
})
const historyOf = (...minutes: readonly Minute[]): History => ({
  ...NOTHING,
  names: [{ name: NAME, minutes }],
})
const show = (state: State = STATE, history: History = NOTHING) =>
  statusPage({ state, history, version: '1.2.3', now: NOW })
const showName = (changes: Partial<NameState>, history?: History) =>
  show({ ...STATE, names: [{ ...SERVED, ...changes }] }, history)

/** What a reader sees: one space between texts, no markup. */
function textOf(page: string): string {
  const body = page.replace(/<(style|script)>[^]*?<\/\1>/g, '').replace(/^[^]*<body>/, '')
  const marks = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'", '&amp;': '&' } as const
  return body
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/&\S+?;/g, (mark) => marks[mark as keyof typeof marks])
    .replaceAll(/\s+/g, ' ')
}

/** The elements of a page with the names of their attributes, in their order. */
function elementsOf(page: string): readonly string[] {
  const inert = page.replaceAll(/<(style|script)>[^]*?<\/\1>/g, '<$1>')
  return [...inert.matchAll(/<[^>]*>/g)].map(([tag]) => tag.replaceAll(/="[^"]*"/g, ''))
}

describe('the status page', () => {
  it('shows each name, what is behind it, and how long all of that is good', () => {
    const text = textOf(show())
    expect(text).toContain('All is well Serving 1 name with 2 workers for 3 h · as of 14:20:19 UTC')
    expect(text).toContain(`${NAME} to ${REGISTRY} OK`)
    expect(text).toContain('Certificate expires in 83 days')
    expect(text).toContain('Token expires in 3 h 12 min')
    expect(text).toContain('Registry answered 2 s ago')
    expect(text).toContain(`Replicas ${REPLICA}`)
    expect(text).toContain('1.2.3')
  })

  it('says what there is not', () => {
    const bare = { name: NAME, registry: REGISTRY, replicas: [], injects: false, upstream: {} }
    const text = textOf(show({ startedAt: NOW, workers: 1, names: [bare] }))
    expect(text).toContain('All is well Serving 1 name for 0 s')
    expect(text).toContain('Certificate none: plain HTTP')
    expect(text).toContain('Token clients send theirs')
    expect(text).toContain('Registry not asked yet')
    expect(text).toContain('Replicas none')
    expect(text).toContain('No image has been pulled yet.')
    expect(text).toContain('No image has been pushed yet.')
    expect(text).toContain('Nothing has been refused, and nothing has failed.')
    expect(text).not.toContain('named a host')
  })

  it.each<[string, Partial<NameState>, string, string]>([
    [
      'a certificate that ends soon',
      { certificate: { notBefore: 0, notAfter: NOW + 9 * DAY + 3 * HOUR } },
      '1 warning',
      'Warning: docker.company.test : the certificate expires in 9 d 3 h; renew it',
    ],
    [
      'a certificate that has ended',
      { certificate: { notBefore: 0, notAfter: NOW - 4 * MINUTE } },
      '1 problem',
      'Problem: docker.company.test : the certificate expired 4 min ago; clients refuse it',
    ],
    [
      'a certificate that has not begun',
      { certificate: { notBefore: NOW + HOUR, notAfter: NOW + 90 * DAY } },
      '1 problem',
      'the certificate is not valid before 1 h from now',
    ],
    [
      'a token that ends soon',
      { token: { mintedAt: 0, expiresAt: NOW + 14 * MINUTE } },
      '1 warning',
      'the token expires in 14 min, and there is no newer one yet',
    ],
    [
      'a token that has ended',
      { token: { mintedAt: 0, expiresAt: NOW - HOUR } },
      '1 problem',
      'the token expired 1 h ago, and there is no newer one',
    ],
    [
      'a registry that fails',
      { upstream: { answeredAt: NOW - HOUR, failedAt: NOW - 3000, error: 'ECONNREFUSED' } },
      '1 problem',
      `Problem: ${NAME} : ${REGISTRY} could not be reached 3 s ago: ECONNREFUSED`,
    ],
  ])('warns of %s, above all else', (_, changes, health, concern) => {
    const text = textOf(showName(changes))
    expect(text).toContain(`${health} Serving`)
    expect(text.indexOf(concern)).toBeGreaterThan(0)
    expect(text.indexOf(concern)).toBeLessThan(text.indexOf(`to ${REGISTRY}`))
    expect(text).toMatch(/amazonaws\.com (Warning|Problem) Certificate/)
  })

  it('warns where there is no token yet', () => {
    const { token: _, ...without } = SERVED
    expect(textOf(show({ ...STATE, names: [without] }))).toContain('there is no token yet')
  })

  it('is calm about a registry that answers again', () => {
    const upstream = { failedAt: NOW - 5000, error: 'ECONNREFUSED', answeredAt: NOW - 1000 }
    expect(textOf(showName({ upstream }))).toContain('All is well')
  })

  it('says when a replica has answered in its place', () => {
    const text = textOf(showName({ replicaAnsweredAt: NOW - 8000 }))
    expect(text).toContain(`Replicas ${REPLICA} answered 8 s ago`)
  })

  it('warns when many of the latest requests failed, not when few did', () => {
    expect(textOf(show(STATE, historyOf(minute(2, 20, 1))))).toContain(
      '1 of 20 requests failed in the last 5 minutes',
    )
    expect(textOf(show(STATE, historyOf(minute(2, 21, 1))))).toContain('All is well')
    expect(textOf(show(STATE, historyOf(minute(9, 20, 20))))).toContain('All is well')
  })

  it('tells problems before warnings, and all of both', () => {
    const certificate = { notBefore: 0, notAfter: NOW + DAY }
    const token = { mintedAt: 0, expiresAt: NOW - HOUR }
    const text = textOf(showName({ certificate, token }))
    expect(text).toContain('1 problem, 1 warning')
    expect(text.indexOf('the token expired')).toBeLessThan(text.indexOf('the certificate expires'))
  })

  it('charts the last hour, and says the same in words', () => {
    const page = show(STATE, historyOf(minute(60, 7), minute(59, 2), minute(3, 1200, 4)))
    expect(page).toContain(
      'aria-label="Requests in the last hour: 1,202, 0 to 1,200 a minute, most at 14:17 UTC"',
    )
    expect(page).toContain(
      'aria-label="Errors in the last hour: 4, 0 to 4 a minute, most at 14:17 UTC"',
    )
    expect(page).toContain('aria-label="From clients in the last hour: none"')
    expect(textOf(page)).toContain('Requests 1,202 min 0 max 1,200')
    expect(textOf(page)).toContain('To clients 1.2 MB min 0 B max 1.2 MB')
    expect(page.match(/<svg[^>]*role="img"[^>]*aria-label=/g)).toHaveLength(4)
  })

  it('takes no minute before its start for one without requests', () => {
    const state = { ...STATE, startedAt: NOW - 2 * MINUTE }
    const page = show(state, historyOf(minute(2, 5), minute(1, 7), minute(0, 6)))
    expect(textOf(page)).toContain('Requests 18 min 5 max 7')
  })

  it('shows the latest pulls, pushes and failures, with who, what, why and when', () => {
    const digest = `sha256:${'4f53cda18c2b'.repeat(5)}4f53`
    const { client: _, ...anyone } = ENTRY
    const text = textOf(
      show(STATE, {
        ...NOTHING,
        pulls: [{ ...ENTRY, replica: REPLICA, times: 1200 }],
        pushes: [{ ...anyone, method: 'PUT', reference: digest, status: 201 }],
        failures: [{ ...ENTRY, client: 'bob', status: 403, reason: 'bob may not pull team/app' }],
      }),
    )
    expect(text).toContain(
      `team/app :1.2 ${NAME} · alice · from ${REPLICA} · 1,200 times 1.2 kB 4 min ago`,
    )
    expect(text).toContain(`team/app @sha256:4f53cda18c2b… ${NAME} 1.2 kB 4 min ago`)
    expect(text).toContain(
      `bob may not pull team/app 403 · GET team/app :1.2 · ${NAME} · bob 403 4 min ago`,
    )
  })

  it('folds a long list, and keeps all of it', () => {
    const pulls = Array.from({ length: 50 }, (_, index) => ({ ...ENTRY, reference: `v${index}` }))
    const page = show(STATE, { ...NOTHING, pulls })
    expect(textOf(page)).toContain('42 more')
    expect(page.match(/:v\d+</g)).toHaveLength(50)
    expect(page.match(/<th /g)?.length).toBe(page.match(/<th scope="col"/g)?.length)
  })

  it('shows requests for names that it does not serve', () => {
    const text = textOf(show(STATE, { ...NOTHING, other: [minute(1, 33)] }))
    expect(text).toContain('In the last hour 33 requests named a host that is not served here.')
  })

  it('takes whatever clients send for text alone', () => {
    const page = (evil: string) => {
      const entry = { ...ENTRY, client: evil, name: evil, method: evil, path: evil, replica: evil }
      const named = { ...entry, repository: evil, reference: `a:${evil}`, reason: evil }
      const { repository: _, ...unnamed } = named
      const upstream = { failedAt: NOW, error: evil }
      const names = [{ ...SERVED, name: evil, registry: evil, replicas: [evil], upstream }]
      const [pulls, failures] = [[named], [named, unnamed]]
      return show({ ...STATE, names }, { ...NOTHING, pulls, pushes: pulls, failures })
    }
    const attacks = [
      '<script>alert(1)</script>',
      '"><img src=x onerror=alert(1)>',
      "' onfocus='alert(1)' autofocus='",
      '</style></title></textarea><svg/onload=alert(1)>',
      '&lt;b&gt; &#60;b&#62; &amp;',
    ]
    for (const attack of attacks) {
      expect(elementsOf(page(attack))).toEqual(elementsOf(page('harmless')))
      expect(textOf(page(attack))).toContain(attack)
    }
    expect(textOf(page('team/\u202eppa\u0000\u200b'))).toContain('team/\ufffdppa\ufffd\ufffd')
  })

  it('is taken anew where scripts are off, too', () => {
    expect(show()).toContain('<noscript><meta http-equiv="refresh" content="30"></noscript>')
  })

  it('asks no other host for anything, and runs and styles nothing but its own', () => {
    const page = show(STATE, { ...NOTHING, pulls: [ENTRY] })
    expect(page).not.toMatch(/https?:|\ssrc=|url\(|@import|\sstyle=|\son\w+=/)
    const hashOf = (element: string) => {
      const [, text = ''] = new RegExp(`<${element}>([^]*?)</${element}>`).exec(page) ?? []
      return `'sha256-${createHash('sha256').update(text).digest('base64')}'`
    }
    expect(PAGE_FIELDS['Content-Security-Policy'].split('; ')).toEqual([
      "default-src 'none'",
      `style-src ${hashOf('style')}`,
      `script-src ${hashOf('script')}`,
      "connect-src 'self'",
      'img-src data:',
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ])
  })
})

describe('the words of the page', () => {
  it.each([
    [-5000, '0 s'],
    [999, '0 s'],
    [59_999, '59 s'],
    [MINUTE, '1 min'],
    [HOUR, '1 h'],
    [DAY - 1, '23 h 59 min'],
    [DAY, '1 d'],
    [9 * DAY + 3 * HOUR, '9 d 3 h'],
    [1500 * DAY, '1,500 days'],
  ])('tell %i ms as %s', (ms, text) => {
    expect(duration(ms)).toBe(text)
  })

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [9_949, '9.9 kB'],
    [99_499, '99 kB'],
    [999_499, '999 kB'],
    [999_500, '1.0 MB'],
    [12_345_678_901, '12 GB'],
    [5e18, '5,000 PB'],
  ])('tell %i bytes as %s', (bytes, text) => {
    expect(size(bytes)).toBe(text)
  })
})
