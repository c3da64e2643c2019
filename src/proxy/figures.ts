/** Counts what a process does. Told of every request, so that has to be cheap. */

import type { Access } from './access.ts'
import type { Figures, Labels, MetricName, Sample } from './metrics.ts'

export type Counts = {
  /** A request has begun. */
  readonly begin: () => void
  /** A request is over. */
  readonly add: (access: Access) => void
  /** Something else has happened, so many times. */
  readonly count: (name: MetricName, labels?: Labels, times?: number) => void
  readonly snapshot: () => Figures
}

/** All requests for one registry and route. */
type Cell = {
  readonly labels: { readonly registry: string; readonly route: string }
  /** By status and method in one number. */
  readonly requests: Map<number, number>
  readonly buckets: number[]
  seconds: number
  received: number
  sent: number
}

type Repository = { readonly labels: Labels; pulls: number; pushes: number }

/** Upper bounds in seconds: a manifest takes milliseconds, a layer minutes. */
export const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300]

/** Methods by their place; what no client of a registry sends is counted together. */
const METHODS = ['other', 'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
const METHOD_NUMBERS = new Map(METHODS.map((method, index) => [method, index]))

// Names of repositories are the clients' to choose: their number can't be without end.
const MOST_REPOSITORIES = 1000
const OTHERS = 'other'

/** Begins to count. `read` is asked at each snapshot for what is measured, not counted. */
export function createFigures(read: () => Figures = () => ({})): Counts {
  const cells = createTable((registry, route) => newCell(registry, route))
  const repositories = createRepositories()
  const events = createEvents()
  let inFlight = 0
  return {
    begin() {
      inFlight += 1
    },
    add(access) {
      inFlight -= 1
      const { registry = 'none', kind = 'none', replica, refusal, status } = access
      addTo(cells.of(registry, kind), access)
      if (replica !== undefined) events.count('failovers_total', { registry, replica })
      if (refusal !== undefined) {
        events.count('refusals_total', { reason: refusal, status: `${status}` })
      }
      if (kind === 'manifests') repositories.add(access)
    },
    count: events.count,
    snapshot: () => ({
      ...cellFigures(cells.all()),
      ...repositories.figures(),
      ...events.figures(),
      requests_in_flight: [{ labels: {}, value: inFlight }],
      ...read(),
    }),
  }
}

/** Whether a request was a pull or a push: one of a manifest that succeeded, as others count. */
export function deedOf({ kind, method, status }: Access): 'pull' | 'push' | undefined {
  if (kind !== 'manifests' || status < 200 || status > 299) return undefined
  if (method === 'GET') return 'pull'
  return method === 'PUT' ? 'push' : undefined
}

/** The repository as the registry has it. */
export function repositoryOf({ prefix = '', repository = '' }: Access): string {
  return prefix === '' ? repository : `${prefix}${repository}`
}

function addTo(cell: Cell, { method, status, ms, bytesReceived, bytesSent }: Access): void {
  const key = status * METHODS.length + (METHOD_NUMBERS.get(method) ?? 0)
  cell.requests.set(key, (cell.requests.get(key) ?? 0) + 1)
  const seconds = ms / 1000
  let index = 0
  while (index < BOUNDS.length && seconds > BOUNDS[index]!) index += 1
  cell.buckets[index]! += 1
  cell.seconds += seconds
  cell.received += bytesReceived
  cell.sent += bytesSent
}

function newCell(registry: string, route: string): Cell {
  const buckets = [...BOUNDS.map(() => 0), 0]
  const labels = { registry, route }
  return { labels, requests: new Map(), buckets, seconds: 0, received: 0, sent: 0 }
}

// Two look-ups, and no text to be made of the two keys.
function createTable<T>(create: (registry: string, key: string) => T) {
  const rows = new Map<string, Map<string, T>>()
  return {
    of(registry: string, key: string): T {
      let row = rows.get(registry)
      if (!row) rows.set(registry, (row = new Map()))
      let cell = row.get(key)
      if (!cell) row.set(key, (cell = create(registry, key)))
      return cell
    },
    has: (registry: string, key: string) => rows.get(registry)?.has(key) === true,
    all: (): readonly T[] => [...rows.values()].flatMap((row) => [...row.values()]),
  }
}

function createRepositories() {
  let size = 0
  const table = createTable<Repository>((registry, repository) => {
    size += 1
    return { labels: { registry, repository }, pulls: 0, pushes: 0 }
  })
  const known = (registry: string, name: string) =>
    size < MOST_REPOSITORIES || table.has(registry, name) ? name : OTHERS
  return {
    add(access: Access) {
      const deed = deedOf(access)
      if (!deed) return
      const { registry = '' } = access
      const repository = table.of(registry, known(registry, repositoryOf(access)))
      if (deed === 'pull') repository.pulls += 1
      else repository.pushes += 1
    },
    figures(): Figures {
      const all = table.all()
      return {
        pulls_total: all.map(({ labels, pulls }) => ({ labels, value: pulls })),
        pushes_total: all.map(({ labels, pushes }) => ({ labels, value: pushes })),
      }
    },
  }
}

// What happens seldom may cost a text.
function createEvents() {
  const events = new Map<MetricName, Map<string, { labels: Labels; value: number }>>()
  const count = (name: MetricName, labels: Labels = {}, times = 1) => {
    const samples = events.get(name) ?? new Map<string, { labels: Labels; value: number }>()
    events.set(name, samples)
    const key = JSON.stringify(labels)
    const value = (samples.get(key)?.value ?? 0) + times
    samples.set(key, { labels, value })
  }
  // There from the start, for a rise from nothing at all is none that Prometheus sees.
  for (const outcome of ['done', 'failed']) {
    count('reloads_total', { outcome }, 0)
    count('cloudwatch_puts_total', { outcome }, 0)
  }
  count('cloudwatch_dropped_total', {}, 0)
  return {
    count,
    figures: (): Figures =>
      Object.fromEntries([...events].map(([name, samples]) => [name, [...samples.values()]])),
  }
}

function cellFigures(cells: readonly Cell[]): Figures {
  return {
    requests_total: cells.flatMap(({ labels, requests }) =>
      [...requests].map(([key, value]) => {
        const method = METHODS[key % METHODS.length] ?? ''
        const status = `${Math.floor(key / METHODS.length)}`
        return { labels: { ...labels, method, status }, value }
      }),
    ),
    request_duration_seconds: cells.flatMap(histogramOf),
    request_bytes_total: cells.map(({ labels, received }) => ({ labels, value: received })),
    response_bytes_total: cells.map(({ labels, sent }) => ({ labels, value: sent })),
  }
}

function histogramOf({ labels, buckets, seconds }: Cell): readonly Sample[] {
  let count = 0
  const counted = buckets.map((value, index): Sample => {
    count += value
    const le = index < BOUNDS.length ? `${BOUNDS[index]}` : '+Inf'
    return { suffix: '_bucket', labels: { ...labels, le }, value: count }
  })
  return [
    ...counted,
    { suffix: '_sum', labels, value: seconds },
    { suffix: '_count', labels, value: count },
  ]
}
