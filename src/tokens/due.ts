/** When somebody who has a token at hand at all times renews it. */

import { type Entry, endingFrom, LONGEST_LIFE } from '../front/entry.ts'

/** The share of its life after its renewal is due in which a token is renewed at some time. */
const JITTER = 0.1

/** How long one is kept whose end can't be told. */
const UNTOLD_MS = 3_600_000

type Life = Pick<Entry, 'mintedAt' | 'expiresAt'>

/**
 * Whether a token had expired when it came from AWS: then the clock of this machine is far ahead,
 * and each new token would have, too.
 */
export function cameExpired({ mintedAt, expiresAt }: Life): boolean {
  return expiresAt <= mintedAt
}

/** What is said of such a token. */
export const CAME_EXPIRED = "a new token has expired already: this machine's clock may be wrong"

/** When a token ends, by the clock of this machine. */
export function endOf(token: Life): number {
  return cameExpired(token) ? token.mintedAt + LONGEST_LIFE : token.expiresAt
}

/**
 * Milliseconds until a token is renewed: not before it is due, for until then the keeper answers
 * with the same one, and up to a tenth of the rest of its life later, so that many who were started
 * at once do not ask AWS at once. `random` is from 0 to below 1.
 */
export function renewalIn(
  token: Pick<Entry, 'mintedAt' | 'refreshAt' | 'expiresAt'>,
  now: number,
  random: number,
): number {
  if (cameExpired(token)) return token.mintedAt + UNTOLD_MS * (1 + JITTER * random) - now
  const dueAt = Math.min(token.refreshAt, endingFrom(token))
  return dueAt + (token.expiresAt - dueAt) * JITTER * random - now
}
