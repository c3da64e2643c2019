import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { METRICS } from '../../src/proxy/metrics.ts'
import type { Emulator } from '../emulator/emulator.ts'
import { pushImage, type Send } from '../emulator/registry-client.ts'
import { parseExposition, valueOf } from '../support/exposition.ts'
import { temporaryFolder } from '../support/folder.ts'
import { startTrustedEmulator } from '../support/trust.ts'
import {
  ask,
  type Circumstances,
  eventOf,
  loggedIn,
  NAME,
  startServe,
  startServing,
} from './running.ts'

let emulator: Emulator
let certificate: readonly string[]
beforeAll(async () => {
  emulator = await startTrustedEmulator()
  const { certFile, keyFile } = emulator.certificate([NAME])
  certificate = ['--tls-cert', certFile, '--tls-key', keyFile]
})
afterAll(async () => {
  await emulator.close()
})
beforeEach(() => {
  emulator.calls.length = 0
  emulator.settings.faults.length = 0
})

/** A sidecar that logs in to ECR by itself. */
const startInjecting = (args: readonly string[] = [], circumstances: Circumstances = {}) =>
  startServing(emulator, [...certificate, '--auth', 'inject', ...args], {
    ...loggedIn(emulator),
    ...circumstances,
  })

async function scrape(admin: string) {
  return parseExposition(await (await fetch(`${admin}/metrics`)).text())
}

/** The answer is told before the request is over, in the eyes of the sidecar. */
async function scrapeUntil(admin: string, name: string, labels: Record<string, string>) {
  return await vi.waitFor(async () => {
    const all = await scrape(admin)
    expect(valueOf(all, name, labels)).toBeGreaterThan(0)
    return all
  })
}

async function readyz(admin: string) {
  const answer = await fetch(`${admin}/readyz`)
  const { ready, checks } = (await answer.json()) as {
    readonly ready: boolean
    readonly checks: readonly { readonly check: string; readonly ok: boolean; detail?: string }[]
  }
  const failed = checks.filter(({ ok }) => !ok)
  return { status: answer.status, ready, failed, checks: checks.map(({ check }) => check) }
}

/** A client that asks the sidecar, whatever port a URL has left out. */
const sendTo =
  (port: number): Send =>
  async (method, url, { headers, body } = {}) => {
    const { pathname, search } = new URL(url)
    const answer = await ask(port, pathname + search, {
      method,
      headers: { ...headers },
      ...(body !== undefined && { body: body.toString() }),
    })
    return { ...answer, status: answer.status ?? 0, body: Buffer.from(answer.text) }
  }

const push = (port: number, tag: string) => {
  const layer = Buffer.from('a layer')
  return pushImage(sendTo(port), '', `https://${NAME}/v2/team/app`, { tag, layer })
}

describe('/metrics of a sidecar', () => {
  it('has all that its list says, after a push, a pull and some that went wrong', async () => {
    const { port, admin } = await startInjecting()
    const { host: registry } = emulator.registry
    expect((await push(port, '1')).answer.status).toBe(201)
    expect((await ask(port, '/v2/team/app/manifests/1')).status).toBe(200)
    expect((await ask(port, '/v2/team/app/manifests/1')).status).toBe(200)
    expect((await ask(port, '/v2/team/app/manifests/2')).status).toBe(404)
    expect((await ask(port, '/v2/', { headers: { host: 'scan.test' } })).status).toBe(421)
    const late = { registry: 'none', status: '421' }
    const all = await scrapeUntil(admin, 'ecr_cname_requests_total', late)

    const manifests = { registry, route: 'manifests' }
    const requests = (more: Record<string, string>) =>
      valueOf(all, 'ecr_cname_requests_total', { ...manifests, ...more })
    expect(requests({ method: 'GET', status: '200' })).toBe(2)
    expect(requests({ method: 'GET', status: '404' })).toBe(1)
    expect(requests({ method: 'PUT', status: '201' })).toBe(1)
    expect(valueOf(all, 'ecr_cname_requests_total', { route: 'uploads', method: 'PUT' })).toBe(2)
    expect(valueOf(all, 'ecr_cname_request_duration_seconds_count', manifests)).toBe(4)
    expect(valueOf(all, 'ecr_cname_response_bytes_total', manifests)).toBeGreaterThan(100)
    expect(valueOf(all, 'ecr_cname_request_bytes_total', manifests)).toBeGreaterThan(100)
    const repository = { registry, repository: 'team/app' }
    expect(valueOf(all, 'ecr_cname_pulls_total', repository)).toBe(2)
    expect(valueOf(all, 'ecr_cname_pushes_total', repository)).toBe(1)
    const refused = { reason: 'NAME_UNKNOWN', status: '421' }
    expect(valueOf(all, 'ecr_cname_refusals_total', refused)).toBe(1)

    expect(valueOf(all, 'ecr_cname_build_info', { version: packageJson.version })).toBe(1)
    expect(valueOf(all, 'ecr_cname_requests_in_flight')).toBe(0)
    expect(valueOf(all, 'ecr_cname_connections')).toBeGreaterThan(0)
    expect(valueOf(all, 'ecr_cname_workers')).toBe(1)
    expect(valueOf(all, 'ecr_cname_process_resident_memory_bytes')).toBeGreaterThan(1e6)
    expect(valueOf(all, 'ecr_cname_process_cpu_seconds_total')).toBeGreaterThan(0)
    expect(valueOf(all, 'ecr_cname_event_loop_lag_seconds', { percentile: '99' })).toBeDefined()
    const now = Date.now() / 1000
    const time = (name: string, labels = {}) => valueOf(all, `ecr_cname_${name}`, labels) ?? 0
    const token = { name: NAME, registry }
    expect(time('token_age_seconds', token)).toBeLessThan(60)
    expect(time('token_expiry_timestamp_seconds', token)).toBeGreaterThan(now + 11 * 3600)
    expect(time('certificate_expiry_timestamp_seconds', { name: NAME })).toBeGreaterThan(now)
    expect(time('upstream_answer_timestamp_seconds', token)).toBeGreaterThan(now - 60)
    expect([...all.keys()]).toEqual(METRICS.map(({ name }) => `ecr_cname_${name}`))
  })

  it('has registries that can not be reached, and why', async () => {
    const { host: registry } = emulator.registry
    const registries = { [NAME]: { registry, connect: '127.0.0.1:1' } }
    const { port, admin } = await startServing(emulator, certificate, { config: { registries } })
    expect((await ask(port, '/v2/')).status).toBe(424)
    const labels = { registry, kind: 'refused' }
    const all = await scrapeUntil(admin, 'ecr_cname_upstream_errors_total', labels)
    expect(valueOf(all, 'ecr_cname_refusals_total', { reason: 'UNAVAILABLE' })).toBe(1)
  })

  it('has replicas that answered in place of a registry', async () => {
    const { host, port: upstream } = emulator.registry
    const replica = host.replace(emulator.region, 'eu-west-1')
    await emulator.createRepository('team/app', { region: 'eu-west-1' })
    const replicas = [{ registry: replica, connect: `127.0.0.1:${upstream}` }]
    const registries = { [NAME]: { registry: host, connect: '127.0.0.1:1', replicas } }
    const { port, admin } = await startInjecting([], { config: { registries } })
    expect((await ask(port, '/v2/team/app/tags/list')).status).toBe(200)
    const labels = { registry: host, replica }
    await scrapeUntil(admin, 'ecr_cname_failovers_total', labels)
    expect(await readyz(admin)).toMatchObject({ status: 200, ready: true })
  })

  it('has tokens that AWS does not hand out, and files that are broken', async () => {
    emulator.settings.faults.push({ service: 'ecr', kind: 'deny' })
    let hangUp = () => {}
    const world = { onHangup: (act: () => void) => (hangUp = act) }
    const { admin, config } = await startInjecting([], { world })
    const { host: registry } = emulator.registry
    await scrapeUntil(admin, 'ecr_cname_mint_failures_total', { registry })
    writeFileSync(config, 'rubbish')
    hangUp()
    const all = await scrape(admin)
    expect(valueOf(all, 'ecr_cname_reloads_total', { outcome: 'failed' })).toBe(1)
    expect(valueOf(all, 'ecr_cname_reloads_total', { outcome: 'done' })).toBe(0)
  })

  it('has what was refused before it was a request, and the log says whose it was', async () => {
    const args = [...certificate, '--max-url', '100']
    const running = await startServing(emulator, args)
    expect((await ask(running.port, `/v2/${'a'.repeat(100)}`)).status).toBe(414)
    const refused = { reason: 'UNSUPPORTED', status: '414' }
    expect(valueOf(await scrape(running.admin), 'ecr_cname_refusals_total', refused)).toBe(1)
    expect(await eventOf(running, 'refused')).toMatchObject({
      address: '127.0.0.1',
      status: 414,
      error: expect.stringContaining('over 100 bytes') as string,
    })
  })
})

describe('/readyz of a sidecar', () => {
  it('asks the registry itself, so that a sidecar which nobody has used yet gets ready', async () => {
    const { admin } = await startServing(emulator, certificate)
    expect(await readyz(admin)).toEqual({
      status: 200,
      ready: true,
      failed: [],
      checks: ['certificate', 'upstream'],
    })
    expect(emulator.calls).toMatchObject([{ service: 'registry', path: '/v2/', status: 401 }])
  })

  it('says which registry does not answer, and when it does again', async () => {
    let time = Date.now()
    const { admin } = await startServing(emulator, certificate, { world: { now: () => time } })
    await emulator.suspend('registry')
    onTestFinished(() => emulator.resume('registry'))
    expect(await readyz(admin)).toMatchObject({
      status: 503,
      ready: false,
      failed: [{ check: 'upstream', name: NAME, detail: expect.stringContaining('ECONNREFUSED') }],
    })
    await emulator.resume('registry')
    time += 6000
    expect(await readyz(admin)).toMatchObject({ status: 200, ready: true })
  })

  it('says that it has no token', async () => {
    emulator.settings.faults.push({ service: 'ecr', kind: 'deny' })
    const { admin, ...running } = await startInjecting()
    await eventOf(running, 'no new token')
    expect(await readyz(admin)).toMatchObject({ status: 503, failed: [{ check: 'token' }] })
  })

  it('says that its certificate has ended', async () => {
    const time = Date.now() + 20 * 365 * 24 * 3600_000
    const { admin } = await startServing(emulator, certificate, { world: { now: () => time } })
    expect(await readyz(admin)).toMatchObject({ status: 503, failed: [{ check: 'certificate' }] })
  })
})

describe('the log of a sidecar', () => {
  it('has one line a request, with all that is known of it', async () => {
    const running = await startInjecting()
    await push(running.port, 'log')
    await ask(running.port, '/v2/team/app/manifests/log?secret=1')
    const { events, port } = running
    const lines = () => events.filter(({ message }) => message === 'request')
    await vi.waitFor(() => expect(lines().length).toBe(6))
    expect(lines().at(-1)).toEqual({
      time: expect.any(String) as string,
      level: 'info',
      message: 'request',
      method: 'GET',
      name: `${NAME}:${port}`,
      address: '127.0.0.1',
      path: '/v2/team/app/manifests/log',
      kind: 'manifests',
      registry: emulator.registry.host,
      repository: 'team/app',
      reference: 'log',
      status: 200,
      bytesReceived: 0,
      bytesSent: expect.any(Number) as number,
      ms: expect.any(Number) as number,
    })
    expect(JSON.stringify(events)).not.toContain('secret')
  })
})

describe('the debug routes of a sidecar', () => {
  it('give a CPU profile and a heap snapshot that tools can read', async () => {
    const { admin } = await startServing(emulator, certificate)
    const profile = await (await fetch(`${admin}/debug/cpuprofile?seconds=1`)).json()
    expect(profile).toMatchObject({ nodes: expect.any(Array), samples: expect.any(Array) })
    const snapshot = await (await fetch(`${admin}/debug/heapsnapshot`)).text()
    expect(JSON.parse(snapshot)).toMatchObject({ snapshot: { meta: expect.any(Object) } })
  })
})

describe('pulls and pushes in CloudWatch', () => {
  type Datum = {
    readonly MetricName: string
    readonly Dimensions: readonly { readonly Name: string; readonly Value: string }[]
    readonly Unit: string
    readonly Value: number
  }
  type Told = { readonly Namespace: string; readonly MetricData: readonly Datum[] }

  const puts = () => emulator.calls.filter(({ operation }) => operation === 'PutMetricData')
  const told = () => puts().map(({ input }) => input as Told)
  const UNTOLD = 'CloudWatch was not told of pulls and pushes'
  const NAMESPACE = ['--cloudwatch', 'Custom/ecr_reverse_proxy']

  /** A sidecar whose minutes the test lets pass. */
  async function startCounting(env: Record<string, string> = {}) {
    const turns: (() => void)[] = []
    const ends: (() => void)[] = []
    const after = (ms: number, act: () => void) => {
      if (ms === 60_000) turns.push(act)
      // What the last batch is given.
      if (ms === 2000) ends.push(act)
      return () => {}
    }
    const circumstances = { env: { ...loggedIn(emulator).env, ...env }, world: { after } }
    const running = await startInjecting(NAMESPACE, circumstances)
    const pull = () => ask(running.port, '/v2/team/app/manifests/cloud')
    const minute = () => turns.splice(0).forEach((act) => act())
    return { ...running, pull, minute, ends }
  }

  const datum = (metric: string, repository: string, image: string, value: number) => ({
    MetricName: metric,
    Dimensions: [
      { Name: 'Repository', Value: `${emulator.registry.host}/${repository}` },
      { Name: 'Image', Value: image },
    ],
    Timestamp: expect.any(Number) as number,
    Unit: 'Count',
    Value: value,
  })

  it('are told once a minute, by the names that alarms are on already', async () => {
    const { port, admin, pull, minute } = await startCounting({ REGION: 'eu-central-1' })
    await push(port, 'cloud')
    await pull()
    await pull()
    await scrapeUntil(admin, 'ecr_cname_pulls_total', {})
    expect(puts()).toEqual([])
    await vi.waitFor(async () => {
      expect(valueOf(await scrape(admin), 'ecr_cname_pulls_total')).toBe(2)
    })
    minute()
    const all = await scrapeUntil(admin, 'ecr_cname_cloudwatch_puts_total', { outcome: 'done' })
    expect(told()).toEqual([
      {
        Namespace: 'Custom/ecr_reverse_proxy',
        MetricData: [
          datum('ECRImagePushes', 'team/app', 'cloud', 1),
          datum('ECRImagePulls', 'team/app', 'cloud', 2),
        ],
      },
    ])
    expect(puts()[0]?.headers['authorization']).toMatch(/\/eu-central-1\/monitoring\//)
    expect(valueOf(all, 'ecr_cname_cloudwatch_dropped_total')).toBe(0)
    // A minute without any is not worth a call.
    minute()
    expect(puts().length).toBe(1)
  })

  it('are told at the end, without waiting for the minute', async () => {
    const { port, stop, exitCode } = await startCounting()
    await push(port, 'end')
    stop()
    expect(await exitCode).toBe(0)
    expect(told()).toMatchObject([{ MetricData: [datum('ECRImagePushes', 'team/app', 'end', 1)] }])
  })

  it.each([
    ['is denied', 'deny', /cloudwatch:PutMetricData/],
    ['can not be reached', 'cut', /./],
  ] as const)('are dropped, with a count and a line, when it %s', async (_, kind, reason) => {
    const { port, admin, pull, minute, ...running } = await startCounting()
    await push(port, 'cloud')
    emulator.settings.faults.push({ service: 'cloudwatch', kind })
    expect((await pull()).status).toBe(200)
    await scrapeUntil(admin, 'ecr_cname_pulls_total', {})
    minute()
    const all = await scrapeUntil(admin, 'ecr_cname_cloudwatch_dropped_total', {})
    expect(valueOf(all, 'ecr_cname_cloudwatch_dropped_total')).toBe(2)
    expect(valueOf(all, 'ecr_cname_cloudwatch_puts_total', { outcome: 'failed' })).toBe(1)
    expect(await eventOf(running, UNTOLD)).toMatchObject({
      level: 'warn',
      dropped: 2,
      error: expect.stringMatching(reason) as string,
    })
    // The next are told again.
    emulator.settings.faults.length = 0
    await pull()
    await vi.waitFor(async () => {
      expect(valueOf(await scrape(admin), 'ecr_cname_pulls_total')).toBe(2)
    })
    minute()
    await scrapeUntil(admin, 'ecr_cname_cloudwatch_puts_total', { outcome: 'done' })
  })

  it('hold up no request while it does not answer, and the end for two seconds', async () => {
    const { port, admin, pull, minute, stop, exitCode, ends, ...running } = await startCounting()
    await push(port, 'cloud')
    emulator.settings.faults.push({ service: 'cloudwatch', kind: 'hang' })
    await scrapeUntil(admin, 'ecr_cname_pushes_total', {})
    minute()
    await vi.waitFor(() => expect(puts().length).toBe(1))
    expect((await pull()).status).toBe(200)
    stop()
    await vi.waitFor(() => expect(ends.length).toBe(1))
    ends.forEach((act) => act())
    expect(await exitCode).toBe(0)
    const lines = running.events.filter(({ message }) => message === UNTOLD)
    expect(lines).toMatchObject([{ dropped: 1 }, { dropped: 1 }])
  })
})

describe('serve in place of marjamis/ecr_reverse_proxy', () => {
  it('serves with its six variables and nothing else, and says what is another here', async () => {
    const [, certFile = '', , keyFile = ''] = certificate
    const { host, port: upstream } = emulator.registry
    // Where no DNS leads to the emulator, its port has to be told.
    const config = join(temporaryFolder(), 'config.json')
    const registries = { [NAME]: { registry: host, connect: `127.0.0.1:${upstream}` } }
    writeFileSync(config, JSON.stringify({ registries }))
    const env = {
      ECR_CNAME_CONFIG: config,
      TLS_CERTIFICATE: certFile,
      TLS_PRIVATE_KEY: keyFile,
      ECR_REGISTRY: host,
      REGISTRY: NAME,
      PORT: '0',
      REGION: emulator.region,
    }
    const running = startServe(emulator, [], { env })
    const listening = await eventOf(running, 'listening')
    expect(listening).toMatchObject({ auth: 'passthrough', registries: { [NAME]: host } })
    const [url = ''] = listening['listen'] as string[]
    expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/)
    expect((await ask(Number(new URL(url).port), '/v2/')).status).toBe(401)
    const said = running.events
      .filter(({ level }) => level === 'warn')
      .map(({ message }) => String(message))
      .join('\n')
    expect(said).toMatch(/PORT alone listens on 127\.0\.0\.1; .*--listen 0\.0\.0\.0:0/)
    expect(said).toMatch(/clients log in to ECR themselves; .*--auth inject/)
    expect(said).toMatch(/REGION alone counts nothing; .*--cloudwatch Custom\/ecr_reverse_proxy/)
  })

  it.each([
    [['--listen', '127.0.0.1:0'], /PORT alone/],
    [['--auth', 'passthrough'], /log in to ECR themselves/],
    [['--cloudwatch', 'Custom/ecr'], /REGION alone/],
  ])('says nothing of what %s has decided', async (args, pattern) => {
    const env = { REGISTRY: NAME, ECR_REGISTRY: emulator.registry.host, PORT: '0', REGION: 'x' }
    const running = startServe(emulator, ['--admin', '127.0.0.1:0', ...args], { env })
    await eventOf(running, 'listening')
    expect(running.events.map(({ message }) => message).join('\n')).not.toMatch(pattern)
  })
})
