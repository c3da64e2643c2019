/** Requests with a token of the sidecar's own. */

import { UserError } from '../domain/errors.ts'
import type { Registry } from '../domain/registry.ts'
import { Refusal } from './refusal.ts'
import type { Reply } from './upstream.ts'

/** Tokens for one registry. */
export type Tokens = {
  /** The value of Authorization, at once while a token lives. Throws a UserError. */
  readonly hold: () => Promise<string>
  /** Told that the registry refused one. Whether another is worth asking for. */
  readonly refused: (authorization: string) => boolean
  /** Told that the registry took another in the place of one that it refused. */
  readonly helped: () => void
}

export type AskWithToken = {
  readonly registry: Registry
  readonly tokens: Tokens
  /** Sends the request with a value of Authorization. */
  readonly ask: (authorization: string) => Promise<Reply>
  /** Whether it can be sent again: none of it was a body. */
  readonly isRepeatable: boolean
}

/** The answer to a request; a token that was refused is dropped, and the request repeated once. */
export async function askWithToken(options: AskWithToken): Promise<Reply> {
  const { tokens, ask, isRepeatable } = options
  const authorization = await hold(options)
  const reply = await ask(authorization)
  if (!isRefused(reply) || !tokens.refused(authorization) || !isRepeatable) {
    return own(reply, options)
  }
  discard(reply)
  const second = await ask(await hold(options))
  if (!isRefused(second)) tokens.helped()
  return own(second, options)
}

function isRefused({ statusCode = 0 }: Reply): boolean {
  return [400, 401, 403].includes(statusCode)
}

async function hold({ tokens, registry }: AskWithToken): Promise<string> {
  try {
    return await tokens.hold()
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    const message = `${registry.host}: the sidecar has no token: ${error.message}`
    throw new Refusal(424, 'UNAVAILABLE', message, { cause: error })
  }
}

// A 401 would have the client doubt its own password.
function own(reply: Reply, { registry }: AskWithToken): Reply {
  if (reply.statusCode !== 401) return reply
  discard(reply)
  throw new Refusal(424, 'UNAVAILABLE', `${registry.host} refused the sidecar's token; try again`)
}

function discard(reply: Reply): void {
  reply.on('error', () => {})
  reply.resume()
}
