/** What is known of the sidecar while it serves, and told on the admin address and elsewhere. */

import packageJson from '../../../package.json' with { type: 'json' }
import { type Mapping, sitesOf } from '../../domain/mapping.ts'
import { measureProcess, profileCpu, snapshotHeap } from '../../io/inspection.ts'
import type { Primary } from '../../io/primary.ts'
import type { Workers } from '../../io/workers.ts'
import type { Access } from '../../proxy/access.ts'
import { isLoopback } from '../../proxy/address.ts'
import { type AdminOptions, createAdmin } from '../../proxy/admin.ts'
import { createFigures } from '../../proxy/figures.ts'
import { createHistory, type History, mergeHistories } from '../../proxy/history.ts'
import { mergeFigures } from '../../proxy/merge.ts'
import { type Figures, sampleOf } from '../../proxy/metrics.ts'
import { createNews, type News } from '../../proxy/news.ts'
import { createRefresh } from '../../proxy/readiness.ts'
import type { Refusal } from '../../proxy/refusal.ts'
import { HEALTH, servedName } from '../../proxy/route.ts'
import type { ListenOptions } from '../../proxy/server.ts'
import { mergeStates, type NameState, type State, stateFigures } from '../../proxy/state.ts'
import type { Upstream } from '../../proxy/upstream.ts'
import type { Supply } from '../../tokens/supply.ts'
import type { World } from '../command.ts'
import type { Log } from '../log.ts'
import { createReports } from './cloudwatch.ts'
import type { Service } from './service.ts'

export type Watching = {
  /** The same, listened in on. */
  readonly upstream: Upstream
  readonly onBegin: () => void
  readonly onAccess: (access: Access) => void
  readonly onRefusal: (refusal: Refusal, from: string) => void
  /** Told of what happens beside requests. */
  readonly count: ReturnType<typeof createFigures>['count']
  /** What this process has counted and measured. */
  readonly figures: () => Figures
  /** What this process knows. */
  readonly state: () => State
  /** What went through this process lately. */
  readonly history: () => History
  /** Answers for what is told above. */
  readonly admin: ListenOptions['handler']
  /** Looks at what is served from now on, with tokens where this process serves. */
  readonly take: (service: Service, supplyOf?: (mapping: Mapping) => Supply) => void
  readonly close: (graceMs: number) => Promise<void>
}

export type WatchOptions = {
  readonly service: Service
  readonly upstream: Upstream
  /** Clients' connections that are open. */
  readonly connections?: () => number
  /** Who serves in place of this process, once they do. */
  readonly others?: () => Workers | undefined
  readonly world: World
  readonly log: Log
}

/** Begins to watch. */
export function createWatching(options: WatchOptions): Watching {
  const { service: first, connections = () => 0, others, world, log } = options
  const { now } = world
  const { settings } = first
  const startedAt = now()
  const measure = measureProcess(now)
  const counts = createFigures(() => measured(measure(), connections()))
  const news = createNews({
    upstream: options.upstream,
    now,
    failed: (registry, kind) => counts.count('upstream_errors_total', { registry, kind }),
  })
  const reports =
    settings.cloudwatch && !others
      ? createReports({ ...settings.cloudwatch, world, count: counts.count, log })
      : undefined
  let served: Served = { service: first }
  const nameOf = (host: string) => servedName(host, served.service.settings.mappings)
  const history = createHistory({ now, nameOf })
  const state = () => ({ startedAt, workers: others ? 0 : 1, names: namesOf(served, news) })
  const own = { figures: counts.snapshot, state, history: history.snapshot }
  const all = gather(own, others, now)
  const refresh = createRefresh({ news, sites: () => sitesRead(served.service), now })
  return {
    upstream: news.upstream,
    onBegin: counts.begin,
    onAccess(access) {
      counts.add(access)
      history.add(access)
      reports?.add(access)
      logAccess(log, access)
    },
    onRefusal({ code: reason, status, message }, client) {
      counts.count('refusals_total', { reason, status: `${status}` })
      log('info', 'refused', { address: client, status, refusal: reason, error: message })
    },
    count: counts.count,
    ...own,
    admin: createAdmin({
      ...all,
      version: packageJson.version,
      refresh,
      now,
      isLocal: isLoopback(settings.admin),
      debug: { cpuProfile: profileCpu, heapSnapshot: snapshotHeap },
    }),
    take: (service, supplyOf) => (served = { service, ...(supplyOf && { supplyOf }) }),
    close: async (graceMs) => await reports?.close(graceMs),
  }
}

type Own = Pick<Watching, 'figures' | 'state' | 'history'>
type All = Pick<AdminOptions, 'figures' | 'state' | 'history'>

// With those who serve in its place; one that has ended counts on in what only grows.
function gather(
  own: Own,
  others: () => Workers | undefined = () => undefined,
  now: () => number,
): All {
  const state = async () => {
    const known = await others()?.collect<readonly State[]>({
      name: 'state',
      merge: (all) => all.flat(),
    })
    return mergeStates([own.state(), ...(known ?? [])])
  }
  return {
    state,
    async figures() {
      const counted = await others()?.collect<Figures>({
        name: 'figures',
        merge: mergeFigures,
        remains: (figures) => mergeFigures([], [figures]),
      })
      const known = stateFigures(await state(), now())
      return mergeFigures([own.figures(), ...(counted ? [counted] : []), known])
    },
    async history() {
      const seen = await others()?.collect<History>({
        name: 'history',
        merge: mergeHistories,
        remains: (history) => history,
      })
      return seen ? mergeHistories([own.history(), seen]) : own.history()
    },
  }
}

/** Answers the primary with what this worker has counted, seen and knows. */
export function tellPrimary({ answer }: Primary, { figures, state, history }: Watching): void {
  answer('figures', figures)
  answer('state', () => [state()])
  answer('history', history)
}

type Served = { readonly service: Service; readonly supplyOf?: (mapping: Mapping) => Supply }

function namesOf(served: Served, news: News): readonly NameState[] {
  const { mappings } = served.service.settings
  return [...mappings.values()].map((mapping) => nameState(mapping, served, news))
}

function nameState(
  mapping: Mapping,
  { service: { tls, admission }, supplyOf }: Served,
  news: News,
): NameState {
  const { name, registry, replicas = [] } = mapping
  const certificate = tls?.validityFor(name.replace(/:\d+$/, '').replace('*', 'any'))
  const token = admission && supplyOf?.(mapping).life()
  const heard = admission ? replicas.map((replica) => news.of(replica.registry.host)) : []
  const answers = heard.flatMap(({ answeredAt, failedAt = 0 }) =>
    answeredAt !== undefined && answeredAt >= failedAt ? answeredAt : [],
  )
  return {
    name,
    registry: registry.host,
    replicas: replicas.map((replica) => replica.registry.host),
    ...(certificate && { certificate }),
    injects: admission !== undefined,
    ...(token && { token }),
    upstream: news.of(registry.host),
    ...(answers.length > 0 && { replicaAnsweredAt: Math.max(...answers) }),
  }
}

// Replicas are read with a token of the sidecar's own alone.
function sitesRead({ settings, admission }: Service): readonly (readonly Mapping[])[] {
  const mappings = [...settings.mappings.values()]
  return admission ? mappings.map(sitesOf) : mappings.map((mapping) => [mapping])
}

function measured(
  { memoryBytes, cpuSeconds, lagSeconds }: ReturnType<ReturnType<typeof measureProcess>>,
  connections: number,
): Figures {
  return {
    build_info: [sampleOf(1, { version: packageJson.version })],
    connections: [sampleOf(connections)],
    process_resident_memory_bytes: [sampleOf(memoryBytes)],
    process_cpu_seconds_total: [sampleOf(cpuSeconds)],
    event_loop_lag_seconds: Object.entries(lagSeconds).map(([percentile, value]) =>
      sampleOf(value, { percentile }),
    ),
  }
}

function logAccess(log: Log, access: Access): void {
  // Asked every few seconds by whoever watches.
  const isRoutine = access.path === HEALTH && access.status === 200
  log(isRoutine ? 'debug' : 'info', 'request', access)
}
