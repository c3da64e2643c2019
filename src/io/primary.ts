/** The process that a worker has its listeners from, and what the two tell each other. */

import cluster from 'node:cluster'
import type { UserError } from '../domain/errors.ts'

/** What a worker says. */
export type ToPrimary =
  | { readonly is: 'ready'; readonly urls: readonly string[] }
  | { readonly is: 'failed'; readonly code: UserError['code']; readonly message: string }
  | { readonly is: 'answer'; readonly id: number; readonly value: unknown }

/** What a worker is told. */
export type ToWorker =
  | { readonly is: 'ask'; readonly id: number; readonly topic: string }
  | { readonly is: 'reload' }
  | { readonly is: 'stop' }

export type Primary = {
  /** Says that this worker listens, and where. */
  readonly ready: (urls: readonly string[]) => void
  /** Says why it can't begin; resolves once that is said. */
  readonly failed: (error: UserError) => Promise<void>
  /** Answers what the primary asks about a topic with a JSON value. */
  readonly answer: (topic: string, value: () => unknown) => void
  readonly onReload: (act: () => void) => void
  /** Settled when this worker is to finish what is under way, and end. */
  readonly stopped: Promise<void>
}

/** The primary of this process; undefined where it is nobody's worker. Without it, it ends. */
export function primaryOf(): Primary | undefined {
  const { worker } = cluster
  if (!worker) return undefined
  const answers = new Map<string, () => unknown>()
  const stopped = Promise.withResolvers<void>()
  let reload: (() => void) | undefined
  const say = (message: ToPrimary, done = () => {}) => worker.send(message, done)
  worker.on('message', (message: ToWorker) => {
    if (message.is === 'stop') stopped.resolve()
    else if (message.is === 'reload') reload?.()
    else say({ is: 'answer', id: message.id, value: answers.get(message.topic)?.() })
  })
  return {
    ready: (urls) => void say({ is: 'ready', urls }),
    failed: async ({ code, message }) => {
      await new Promise<void>((resolve) => say({ is: 'failed', code, message }, resolve))
    },
    answer: (topic, value) => void answers.set(topic, value),
    onReload: (act) => (reload = act),
    stopped: stopped.promise,
  }
}
