/** One process that shares the listeners of this one. */

import cluster from 'node:cluster'
import { UserError } from '../domain/errors.ts'
import type { ToPrimary, ToWorker } from './primary.ts'

export type Worker = {
  readonly pid: number | undefined
  /** Settled when it listens, and where; rejects with a UserError where it can't. */
  readonly ready: Promise<readonly string[]>
  /** Settled when it has ended: with its exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>
  /** What it says about a topic; undefined where it ends before. */
  readonly ask: (topic: string) => Promise<unknown>
  readonly tell: (what: 'reload' | 'stop') => void
  readonly kill: () => void
}

export type WorkerOptions = {
  /** What follows the path of this program. */
  readonly args: readonly string[]
  /** Told when it listens. */
  readonly onReady?: (worker: { readonly pid: number | undefined }) => void
}

/** Starts one. */
export function startWorker({ args, onReady }: WorkerOptions): Worker {
  const [first = '', ...rest] = args
  // All take connections from one listening socket: handed over by the primary, each would cost it and
  // the worker some 0.2 ms, and one handed to a worker that is just dying would hang.
  cluster.schedulingPolicy = cluster.SCHED_NONE
  // Node calls the first of them a script; it follows the path, whatever it is.
  cluster.setupPrimary({ exec: first, args: rest, execArgv: [] })
  const worker = cluster.fork()
  const ready = Promise.withResolvers<readonly string[]>()
  const ended = Promise.withResolvers<number | string>()
  const asked = new Map<number, (value: unknown) => void>()
  let failure: UserError | undefined
  let questions = 0
  // What is told to one that has just ended is lost, as it may be.
  const tell = (message: ToWorker) => worker.isConnected() && worker.send(message, () => {})
  worker.on('message', (message: ToPrimary) => {
    if (message.is === 'ready') {
      ready.resolve(message.urls)
      onReady?.({ pid: worker.process.pid })
    } else if (message.is === 'failed') failure = new UserError(message.code, message.message)
    else asked.get(message.id)?.(message.value)
  })
  worker.on('error', () => {})
  worker.once('exit', (code, signal) => {
    const by = signal ?? code
    asked.forEach((answered) => answered(undefined))
    ready.reject(failure ?? new UserError('SERVE', `a worker ended (${by}) before it could serve`))
    ended.resolve(by)
  })
  ready.promise.catch(() => {})
  return {
    pid: worker.process.pid,
    ready: ready.promise,
    ended: ended.promise,
    async ask(topic) {
      const id = ++questions
      const answer = new Promise<unknown>((resolve) => asked.set(id, resolve))
      if (!tell({ is: 'ask', id, topic })) return undefined
      return await answer.finally(() => asked.delete(id))
    },
    tell: (is) => void tell({ is }),
    kill: () => worker.process.kill('SIGKILL'),
  }
}
