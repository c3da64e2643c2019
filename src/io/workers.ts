/** The processes that share the listeners of this one: as many at all times, one to whoever asks. */

import { availableParallelism } from 'node:os'
import { UserError } from '../domain/errors.ts'
import { startWorker, type Worker } from './worker.ts'

export type WorkersOptions = {
  readonly count: number
  /** What follows the path of this program, for it to be one. */
  readonly args: readonly string[]
  /** Told of each that ended unasked, and of each that took its place. */
  readonly onEnd: (ended: Ended) => void
  readonly onRestart: (restarted: { readonly pid: number | undefined }) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Acts later; the result calls that off. */
  readonly after: (ms: number, act: () => void) => () => void
}

export type Ended = {
  readonly pid: number | undefined
  /** The exit code, or the signal that ended it. */
  readonly by: number | string
  /** Why it could not begin. */
  readonly error?: string
  /** How long until another takes its place. */
  readonly retryMs: number
}

/** What workers are asked, and how what they answer becomes one. */
export type Topic<T> = {
  readonly name: string
  readonly merge: (values: readonly T[]) => T
  /** What still counts of a worker that has ended; without this, nothing does. */
  readonly remains?: (value: T) => T
}

export type Workers = {
  /** Where they listen. */
  readonly urls: readonly string[]
  /** How many there are at this moment, and how many have ended unasked. */
  readonly counts: () => { readonly alive: number; readonly ended: number }
  /** What all of them answer, as one; what one said last where it is silent or has ended. */
  readonly collect: <T>(topic: Topic<T>) => Promise<T>
  /** Has all of them read everything anew. */
  readonly reload: () => void
  /** Has them finish what is under way; kills who has not ended by then. */
  readonly stop: (graceMs: number) => Promise<void>
}

/** Starts them. Where one can't begin, none is left, and a UserError says why. */
export async function startWorkers(options: WorkersOptions): Promise<Workers> {
  const { count, args, after } = options
  requireSane(count)
  const crew: Crew = { alive: new Set(), said: new Map(), past: new Map(), ended: 0, inRow: 0 }
  const first = Array.from({ length: count }, () => join(crew, startWorker({ args })))
  try {
    const [urls = []] = await Promise.all(first.map(({ ready }) => ready))
    first.forEach((worker) => void keepUp(worker, crew, options))
    return {
      urls,
      counts: () => ({ alive: crew.alive.size, ended: crew.ended }),
      collect: async (topic) => await collect(topic, crew, after),
      reload: () => crew.alive.forEach((worker) => worker.tell('reload')),
      stop: async (graceMs) => await stop(crew, graceMs, after),
    }
  } catch (error) {
    await stop(crew, 0, after)
    throw error
  }
}

type Crew = {
  readonly alive: Set<Worker>
  /** What each said last, by topic. */
  readonly said: Map<Worker, Map<string, unknown>>
  /** What those who have ended said last, by topic. */
  readonly past: Map<string, unknown[]>
  /** How many ended unasked: in all, and in a row, each soon after its start. */
  ended: number
  inRow: number
  isOver?: true
}

type After = WorkersOptions['after']

const PER_CORE = 4
const ANSWER_MS = 1000
// What a worker may take to end once its connections are cut.
const END_MS = 2000
const SOON_MS = 60_000
const SHORTEST_RETRY_MS = 500
const LONGEST_RETRY_MS = 30_000

function requireSane(count: number): void {
  const most = availableParallelism() * PER_CORE
  if (count <= most) return
  throw new UserError('CONFIG', `workers: expected at most ${most} on this machine, got ${count}`)
}

function join(crew: Crew, worker: Worker): Worker {
  crew.alive.add(worker)
  crew.said.set(worker, new Map())
  void leave(crew, worker)
  return worker
}

async function leave(crew: Crew, worker: Worker): Promise<void> {
  await worker.ended
  crew.alive.delete(worker)
  crew.said.get(worker)?.forEach((value, topic) => {
    crew.past.set(topic, [...(crew.past.get(topic) ?? []), value])
  })
  crew.said.delete(worker)
}

/** Has another take the place of a worker that ends unasked. */
async function keepUp(worker: Worker, crew: Crew, options: WorkersOptions): Promise<void> {
  const { args, now, after, onEnd, onRestart } = options
  const startedAt = now()
  let error: string | undefined
  worker.ready.catch(({ message }: Error) => (error = message))
  const by = await worker.ended
  if (crew.isOver) return
  crew.ended += 1
  crew.inRow = now() - startedAt < SOON_MS ? crew.inRow + 1 : 1
  const retryMs = Math.min(LONGEST_RETRY_MS, SHORTEST_RETRY_MS * 2 ** (crew.inRow - 1))
  onEnd({ pid: worker.pid, by, ...(error !== undefined && { error }), retryMs })
  after(retryMs, () => {
    if (crew.isOver) return
    const next = join(crew, startWorker({ args, onReady: onRestart }))
    void keepUp(next, crew, options)
  })
}

async function collect<T>(topic: Topic<T>, crew: Crew, after: After): Promise<T> {
  const { name, merge, remains } = topic
  const live = await Promise.all([...crew.alive].map((worker) => ask(worker, name, crew, after)))
  const said = live.filter((value) => value !== undefined) as T[]
  if (!remains) return merge(said)
  // Folded into one, so that it does not grow.
  const past = ((crew.past.get(name) ?? []) as T[]).map(remains)
  const folded = past.length > 1 ? [merge(past)] : past
  crew.past.set(name, folded)
  return merge([...said, ...folded])
}

/** What a worker answers in time, else what it said last. */
async function ask(worker: Worker, topic: string, crew: Crew, after: After): Promise<unknown> {
  const said = crew.said.get(worker)
  const late = Promise.withResolvers<undefined>()
  const callOff = after(ANSWER_MS, () => late.resolve(undefined))
  const value = await Promise.race([worker.ask(topic), late.promise])
  callOff()
  if (value !== undefined) said?.set(topic, value)
  // Of one that has ended meanwhile it is told with the past.
  return crew.alive.has(worker) ? said?.get(topic) : undefined
}

async function stop(crew: Crew, graceMs: number, after: After): Promise<void> {
  crew.isOver = true
  crew.alive.forEach((worker) => worker.tell('stop'))
  const callOff = after(graceMs + END_MS, () => crew.alive.forEach((worker) => worker.kill()))
  await Promise.all([...crew.alive].map(({ ended }) => ended))
  callOff()
}
