/** How a call for a token is tried again: a fleet that starts at once asks for more than ECR's quota. */

import { StandardRetryStrategy } from '@smithy/core/retry'
import type { Environment } from '../front/places.ts'

/** How often it is made, unless AWS_MAX_ATTEMPTS says another number. */
export const MINT_TRIES = 6
// Its waits double from a second on; that often, so that all of them fit before the deadline.
const DOUBLINGS = 1

/** The SDK's own way of trying again, oftener and with shorter waits. */
export function mintRetries(env: Environment): StandardRetryStrategy {
  return new MintRetries(Number.parseInt(env['AWS_MAX_ATTEMPTS'] ?? '', 10) || MINT_TRIES)
}

class MintRetries extends StandardRetryStrategy {
  constructor(tries: number) {
    super(tries)
    const { retryBackoffStrategy: backoff } = this
    const waitAfter = backoff.computeNextBackoffDelay.bind(backoff)
    backoff.computeNextBackoffDelay = (tried) => waitAfter(Math.min(tried, DOUBLINGS))
  }
}
