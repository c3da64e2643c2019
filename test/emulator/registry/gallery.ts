/** public.ecr.aws: anybody reads, with a Bearer token from its own door; Basic is no good there. */

import type { RegistryId } from '../content.ts'
import type { Emulation } from '../emulation.ts'
import { type Exchange, Refusal, send } from '../exchange.ts'
import { type Claims, mintPassword, readPassword } from '../tokens.ts'

/** The gallery is one registry, the alias of its owner a part of a repository's name. */
export const GALLERY: RegistryId = { account: 'public', region: 'us-east-1' }

/** Where Bearer tokens come from. */
export const TOKEN_PATH = /^\/token\/?$/

const ANONYMOUS = 'anonymous'
const READS = ['GET', 'HEAD']

/** Gives a Bearer token: to anybody for reading, to the owner of an ECR Public token for more. */
export function giveBearer(emulation: Emulation, { request, response, call }: Exchange): void {
  const { key, now, settings } = emulation
  const [, basic] = /^Basic +(\S+)$/i.exec(request.headers.authorization ?? '') ?? []
  const password = basic && Buffer.from(basic, 'base64').toString().replace(/^AWS:/, '')
  const owner = password ? checkClaims(emulation, readPassword(key, password)) : undefined
  call.principal = owner?.principal ?? ANONYMOUS
  const claims = {
    kind: 'public',
    principal: call.principal,
    region: GALLERY.region,
    expiration: Math.floor(now().getTime() / 1000) + settings.tokenSeconds,
  } as const
  const body = JSON.stringify({ token: mintPassword(key, claims, settings.tokenBytes) })
  send(response, 200, { 'Content-Type': 'application/json' }, body)
}

/** Lets a Bearer in; to push takes one whose owner is known. */
export function logInToGallery(emulation: Emulation, { request, call }: Exchange): void {
  const { authorization } = request.headers
  if (authorization === undefined) throw new Refusal(401, 'UNAUTHORIZED', 'Not Authorized')
  const [, bearer = ''] = /^Bearer +(\S+)$/i.exec(authorization) ?? []
  const { principal } = checkClaims(emulation, readPassword(emulation.key, bearer))
  call.principal = principal
  if (principal !== ANONYMOUS || READS.includes(call.method)) return
  throw new Refusal(403, 'DENIED', 'Not Authorized')
}

/** How the gallery asks for a login. */
export function galleryChallenge(origin: string, host: string): string {
  return `Bearer realm="${origin}/token/",service="${host}",scope="aws"`
}

const checkClaims = ({ now }: Emulation, claims: Claims | undefined): Claims => {
  if (claims?.kind !== 'public') {
    throw new Refusal(400, 'DENIED', 'Your Authorization Token is invalid.')
  }
  if (claims.expiration * 1000 > now().getTime()) return claims
  const message = 'Your authorization token has expired. Reauthenticate and try again.'
  throw new Refusal(403, 'DENIED', message)
}
