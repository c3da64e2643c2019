/** When somebody who has a token at hand at all times renews it. */

import { type Entry, endingFrom } from '../front/entry.ts'

/** The share of its life after its renewal is due in which a token is renewed at some time. */
const JITTER = 0.1

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
  const dueAt = Math.min(token.refreshAt, endingFrom(token))
  return dueAt + (token.expiresAt - dueAt) * JITTER * random - now
}
