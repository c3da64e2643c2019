/** Trying again: what may pass by itself, and how long to wait for it. */

import { UserError } from '../domain/errors.ts'
import { codeOf } from './codes.ts'

/** Time, handed in. */
export type Pace = {
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** From 0 to below 1. */
  readonly random: () => number
  /** Acts later; the result calls that off. */
  readonly after: (ms: number, act: () => void) => () => void
}

/** A failure that another try may not meet. */
export class Passing extends Error {
  readonly afterMs: number | undefined

  constructor(cause: UserError, afterMs?: number) {
    super(cause.message, { cause })
    this.afterMs = afterMs
  }
}

export type RetryOptions = {
  readonly pace: Pace
  readonly signal: AbortSignal
  /** Told before each wait. */
  readonly onRetry?: (reason: string, waitMs: number) => void
}

const TRIES = 6
const LONGEST_MS = 20_000
const LONGEST_ASKED_MS = 120_000

/** What an attempt is given. */
export type Attempt = {
  /** Counts the attempts anew: what has come further may go on. */
  readonly progressed: () => void
}

/** Acts until it succeeds, or fails in a way that stays. */
export async function retrying<T>(
  act: (attempt: Attempt) => Promise<T>,
  { pace, signal, onRetry }: RetryOptions,
): Promise<T> {
  let tries = 0
  const attempt = { progressed: () => void (tries = 0) }
  for (;;) {
    try {
      signal.throwIfAborted()
      return await act(attempt)
    } catch (error) {
      if (signal.aborted) throw stopped()
      if (++tries >= TRIES || !isPassing(error)) throw plain(error)
      const asked = error instanceof Passing ? error.afterMs : undefined
      const own = Math.min(LONGEST_MS, 2 ** tries * 250) * (0.5 + pace.random() / 2)
      const waitMs = Math.min(asked ?? own, LONGEST_ASKED_MS)
      onRetry?.(reasonOf(error), waitMs)
      await wait(waitMs, pace, signal)
    }
  }
}

/** What is thrown once somebody stops it. */
export function stopped(): UserError {
  return new UserError('STOPPED', 'stopped; run it again')
}

/** Acts; who stops it is told that what has come so far is kept. */
export async function keeping<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== 'STOPPED') throw error
    throw new UserError('STOPPED', 'stopped; what was loaded so far is kept, so run it again')
  }
}

/** What comes of something that nobody can call off, unless the signal is first. */
export async function unlessStopped<T>(pending: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const stop = () => reject(stopped())
  signal.addEventListener('abort', stop)
  if (signal.aborted) stop()
  try {
    return await Promise.race([pending, promise])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** Whether another try may not meet this failure. */
export function isPassing(error: unknown): boolean {
  return error instanceof Passing || PASSING_CODES.test(codeOf(error))
}

const PASSING_CODES =
  /^(ECONNRESET|ECONNREFUSED|ECONNABORTED|EPIPE|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|ERR_STREAM_PREMATURE_CLOSE)$/

// What the network says of itself is `socket hang up`.
function reasonOf(error: unknown): string {
  const { message } = plain(error)
  return error instanceof Passing ? message : `the connection failed (${codeOf(error) || message})`
}

function plain(error: unknown): Error {
  const inner = error instanceof Passing ? error.cause : error
  return inner instanceof Error ? inner : new Error(String(inner))
}

function wait(ms: number, { after }: Pace, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      callOff()
      reject(stopped())
    }
    const callOff = after(ms, () => {
      signal.removeEventListener('abort', end)
      resolve()
    })
    signal.addEventListener('abort', end, { once: true })
  })
}
