/** A token at hand at all times: renewed ahead of its end, behind the requests that need one. */

import { cameExpired, endOf, renewalIn } from './due.ts'
import type { Held } from './keeper.ts'

export type SupplyOptions = {
  /** A token that lives, from the store or from AWS. */
  readonly hold: () => Promise<Held>
  /** One whose renewal is not due. */
  readonly renew: () => Promise<Held>
  /** Told of a token that the registry refused. */
  readonly drop: (secret: string) => void
  /** Told why there is no new token, and when the next try is. */
  readonly failed: (error: unknown, retryMs: number) => void
  /** Told of a new token that has expired already, by a clock that is wrong. */
  readonly doubted: () => void
  readonly now: () => number
  /** From 0 to below 1, so that many sidecars do not renew at once. */
  readonly random: () => number
  /** Acts later; the result calls that off. */
  readonly after: (ms: number, act: () => void) => () => void
}

export type Supply = {
  /** The value of Authorization; at once while a token lives. */
  readonly hold: () => Promise<string>
  /** Drops a token that the registry refused. Whether another is worth a try. */
  readonly refused: (authorization: string) => boolean
  /** Told that the one in its place was taken: it was the token, and not what was asked for. */
  readonly helped: () => void
  /** From when to when the token is good that is at hand. */
  readonly life: () => Pick<Held, 'mintedAt' | 'expiresAt'> | undefined
  readonly close: () => void
}

/** Begins to supply tokens. */
export function createSupply(options: SupplyOptions): Supply {
  const { now } = options
  const state: State = { replacedAt: -Infinity, isClosed: false, callOff: () => {} }
  obtain(state, options).catch(() => {})
  return {
    async hold() {
      const { held, pending, failure } = state
      if (held && endOf(held) > now()) return toAuthorization(held)
      if (!pending && failure && now() < failure.until) throw failure.error
      return toAuthorization(await obtain(state, options))
    },
    refused(authorization) {
      const { held } = state
      // Another request was first.
      if (!held || toAuthorization(held) !== authorization) return true
      // The last new token was refused as well, as far as is known, so the next one would be too.
      if (now() - state.replacedAt < REPLACED_MS) return false
      state.replacedAt = now()
      state.held = undefined
      options.drop(held.secret)
      return true
    },
    helped() {
      state.replacedAt = -Infinity
    },
    life() {
      const { held } = state
      return held && { mintedAt: held.mintedAt, expiresAt: endOf(held) }
    },
    close() {
      state.isClosed = true
      state.callOff()
    },
  }
}

type State = {
  held?: Held | undefined
  /** The one call that is under way. */
  pending?: Promise<Held> | undefined
  failure?: { readonly error: unknown; readonly count: number; readonly until: number } | undefined
  replacedAt: number
  isClosed: boolean
  callOff: () => void
}

function obtain(state: State, options: SupplyOptions): Promise<Held> {
  state.pending ??= (state.held ? options.renew() : options.hold())
    .then(
      (token) => keep(token, state, options),
      (error: unknown) => lack(error, state, options),
    )
    .finally(() => (state.pending = undefined))
  return state.pending
}

function keep(token: Held, state: State, options: SupplyOptions): Held {
  state.held = token
  state.failure = undefined
  if (cameExpired(token)) options.doubted()
  const dueMs = renewalIn(token, options.now(), options.random())
  obtainLater(Math.max(SHORTEST_MS, dueMs), state, options)
  return token
}

function lack(error: unknown, state: State, options: SupplyOptions): never {
  const count = (state.failure?.count ?? 0) + 1
  const retryMs = Math.min(LONGEST_RETRY_MS, 2 ** count * 500) * (0.5 + options.random() / 2)
  state.failure = { error, count, until: options.now() + retryMs }
  obtainLater(retryMs, state, options)
  options.failed(error, retryMs)
  throw error
}

function obtainLater(ms: number, state: State, options: SupplyOptions): void {
  state.callOff()
  if (state.isClosed) return
  state.callOff = options.after(ms, () => void obtain(state, options).catch(() => {}))
}

const SHORTEST_MS = 1000
const LONGEST_RETRY_MS = 60_000
const REPLACED_MS = 60_000

function toAuthorization({ username, secret }: Held): string {
  return `Basic ${btoa(`${username}:${secret}`)}`
}
