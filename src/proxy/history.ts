/** What was asked for in the last hour, and what came of it. It takes no more than so much memory. */

import { type Access, CLIENT_LEFT } from './access.ts'
import { LOGIN_CHALLENGE } from './admission.ts'
import { HEALTH } from './route.ts'

/** A plain value, so that it can go from one process to another. */
export type History = {
  readonly names: readonly NameHistory[]
  /** Requests for names that are not served. */
  readonly other: readonly Minute[]
  /** The latest first, each kind of them once. */
  readonly pulls: readonly Entry[]
  readonly pushes: readonly Entry[]
  readonly failures: readonly Entry[]
}

export type NameHistory = {
  /** As the configuration has it. */
  readonly name: string
  /** Those of the last hour in which there was anything, the oldest first. */
  readonly minutes: readonly Minute[]
}

export type Minute = {
  /** When it began, in ms since 1970. */
  readonly at: number
  readonly requests: number
  /** Those that the registry or the sidecar failed, not those that were refused. */
  readonly errors: number
  readonly bytesReceived: number
  readonly bytesSent: number
}

/** A pull, a push, a refusal or a failure. */
export type Entry = {
  /** When it was over, the last time. */
  readonly at: number
  /** How often, as long as it was among the latest. */
  readonly times: number
  readonly client?: string | undefined
  /** The Host, as the client sent it. */
  readonly name: string
  readonly method: string
  readonly path: string
  readonly repository?: string | undefined
  readonly reference?: string | undefined
  readonly replica?: string | undefined
  readonly status: number
  /** Of the body that was sent or, of a push, received. */
  readonly bytes: number
  readonly reason?: string | undefined
}

export type HistoryOptions = {
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** What is served under a Host, as the configuration calls it. */
  readonly nameOf: (host: string) => string | undefined
}

export type HistoryKeeper = {
  /** Told of each request when it is over. */
  readonly add: (access: Access) => void
  readonly snapshot: () => History
}

export const MINUTE_MS = 60_000
export const HOUR_MS = 60 * MINUTE_MS
/** How many pulls, pushes and failures are kept. */
export const LATEST = 50

/** Keeps a history, from now on. */
export function createHistory({ now, nameOf }: HistoryOptions): HistoryKeeper {
  const other: Series = new Map()
  const byName = new Map<string, Series>()
  const latest = { pulls: new Map(), pushes: new Map(), failures: new Map() } as Latest
  const seriesOf = (name: string | undefined, at: number) => {
    if (name === undefined) return other
    const known = byName.get(name)
    if (known) return known
    // Names come and go with the configuration.
    byName.forEach((series, old) => recent(series, at).length === 0 && byName.delete(old))
    const series: Series = new Map()
    byName.set(name, series)
    return series
  }
  return {
    add(access) {
      // Asked by load balancers all the time.
      if (access.path === HEALTH) return
      const at = now()
      count(seriesOf(nameOf(access.name), at), at, access)
      const kind = kindOf(access)
      if (kind) remember(latest[kind], toEntry(kind, at, access))
    },
    snapshot() {
      const at = now()
      return {
        names: [...byName].map(([name, series]) => ({ name, minutes: recent(series, at) })),
        other: recent(other, at),
        pulls: newestFirst([...latest.pulls.values()]),
        pushes: newestFirst([...latest.pushes.values()]),
        failures: newestFirst([...latest.failures.values()]),
      }
    },
  }
}

/** The history of several processes that serve the same names. */
export function mergeHistories(histories: readonly History[]): History {
  const names = new Set(histories.flatMap((history) => history.names.map(({ name }) => name)))
  const minutesOf = (wanted: string) =>
    histories.flatMap((history) =>
      history.names.filter(({ name }) => name === wanted).flatMap(({ minutes }) => minutes),
    )
  return {
    names: [...names].map((name) => ({ name, minutes: mergeMinutes(minutesOf(name)) })),
    other: mergeMinutes(histories.flatMap(({ other }) => other)),
    pulls: mergeEntries(histories.flatMap(({ pulls }) => pulls)),
    pushes: mergeEntries(histories.flatMap(({ pushes }) => pushes)),
    failures: mergeEntries(histories.flatMap(({ failures }) => failures)),
  }
}

type Kind = 'pulls' | 'pushes' | 'failures'
/** The oldest first. */
type Latest = Readonly<Record<Kind, Map<string, Entry>>>
/** By the time at which each minute began. */
type Series = Map<number, Minute>

function count(series: Series, now: number, access: Access): void {
  const { bytesReceived, bytesSent } = access
  const at = minuteOf(now)
  // Also those to come, of a clock that was set back.
  if (!series.has(at)) series.forEach((_, old) => isRecent(old, now) || series.delete(old))
  addTo(series, { at, requests: 1, errors: isError(access) ? 1 : 0, bytesReceived, bytesSent })
}

function addTo(series: Series, minute: Minute): void {
  const before = series.get(minute.at)
  series.set(minute.at, {
    at: minute.at,
    requests: minute.requests + (before?.requests ?? 0),
    errors: minute.errors + (before?.errors ?? 0),
    bytesReceived: minute.bytesReceived + (before?.bytesReceived ?? 0),
    bytesSent: minute.bytesSent + (before?.bytesSent ?? 0),
  })
}

function minuteOf(at: number): number {
  return at - (at % MINUTE_MS)
}

function isRecent(at: number, now: number): boolean {
  return at <= now && at > minuteOf(now) - HOUR_MS
}

function recent(series: Series, now: number): readonly Minute[] {
  return [...series.values()].filter(({ at }) => isRecent(at, now)).sort((a, b) => a.at - b.at)
}

// 424 is what docker shows of a registry that failed. Below 400 an error cut the answer.
function isError(access: Access): boolean {
  const { status } = access
  const error = errorOf(access)
  const isCut = status < 400 && error !== undefined && error !== CLIENT_LEFT
  return status >= 500 || status === 424 || isCut
}

// Where a replica has answered, the error is that of the registry before it.
function errorOf({ replica, error }: Access): string | undefined {
  return replica === undefined ? error : undefined
}

function kindOf(access: Access): Kind | undefined {
  const { method, kind, status } = access
  const error = errorOf(access)
  // How every login begins.
  if (error?.startsWith(LOGIN_CHALLENGE)) return undefined
  if (error !== undefined || isRefused(status)) return 'failures'
  if (kind !== 'manifests') return undefined
  if (method === 'GET' && status === 200) return 'pulls'
  return method === 'PUT' && status === 201 ? 'pushes' : undefined
}

// A registry asks for a login with 401, and answers 404 to whoever looks before a push.
function isRefused(status: number): boolean {
  return status >= 400 && status !== 401 && status !== 404
}

function toEntry(kind: Kind, at: number, access: Access): Entry {
  const { client, repository, reference, replica, status } = access
  const reason =
    kind === 'failures' ? (errorOf(access) ?? `the registry answered ${status}`) : undefined
  return {
    at,
    times: 1,
    client: client && clip(client),
    name: clip(access.name),
    method: clip(access.method),
    path: clip(access.path),
    repository: repository && clip(repository),
    reference: reference && clip(reference),
    replica,
    status,
    bytes: kind === 'pushes' ? access.bytesReceived : access.bytesSent,
    reason: reason && clip(reason),
  }
}

// Long enough for names and digests; what clients send can be longer.
const LONGEST = 300

function clip(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
}

// One that comes again is counted, so that it does not push out all others.
function remember(entries: Map<string, Entry>, entry: Entry): void {
  const key = keyOf(entry)
  const times = (entries.get(key)?.times ?? 0) + entry.times
  entries.delete(key)
  entries.set(key, { ...entry, times })
  if (entries.size > LATEST) entries.delete(entries.keys().next().value!)
}

function keyOf({ client, name, method, path, status, replica, reason }: Entry): string {
  return JSON.stringify([client, name, method, path, status, replica, reason])
}

function mergeMinutes(minutes: readonly Minute[]): readonly Minute[] {
  const merged: Series = new Map()
  for (const minute of minutes) addTo(merged, minute)
  return [...merged.values()].sort((a, b) => a.at - b.at)
}

function mergeEntries(entries: readonly Entry[]): readonly Entry[] {
  const merged = new Map<string, Entry>()
  for (const entry of [...entries].sort((a, b) => a.at - b.at)) remember(merged, entry)
  return newestFirst([...merged.values()])
}

function newestFirst(entries: readonly Entry[]): readonly Entry[] {
  return entries.toReversed().sort((a, b) => b.at - a.at)
}
