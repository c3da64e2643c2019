/** Who is at the registry's door: Basic, user AWS, and a token that is ours, alive, and from here. */

import type { Emulation } from '../emulation.ts'
import { type Exchange, Refusal } from '../exchange.ts'
import { type Claims, readPassword } from '../tokens.ts'

/** Refused without credentials; the form of this one is a text with a challenge. */
export const UNAUTHORIZED = 'UNAUTHORIZED'
/** Refused for credentials that are not a token of this registry. */
export const BAD_TOKEN = 'BAD_TOKEN'

/** The claims of the token in a Basic header, expired or not worth anything: refused. */
export function logIn({ key, now }: Emulation, { request, call }: Exchange): Claims {
  const [, basic] = /^Basic +(\S+)$/i.exec(request.headers.authorization ?? '') ?? []
  if (!basic) throw new Refusal(401, UNAUTHORIZED, 'Not Authorized')
  const [user, password = ''] = Buffer.from(basic, 'base64').toString().split(':')
  const claims = user === 'AWS' ? readPassword(key, password) : undefined
  if (claims?.kind !== 'private') throw badToken()
  call.principal = claims.principal
  if (claims.expiration * 1000 > now().getTime()) return claims
  throw new Refusal(
    403,
    'DENIED',
    'Your authorization token has expired. Reauthenticate and try again.',
  )
}

/** A token is good for every registry of its region that its owner may use. */
export function checkRegion(claims: Claims, region: string): void {
  if (claims.region !== region) throw badToken()
}

const badToken = () => new Refusal(400, BAD_TOKEN, 'Bad Request')
