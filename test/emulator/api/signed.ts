/** Who signed a request to an AWS API, or why AWS would not say. */

import type { Emulation } from '../emulation.ts'
import { type Exchange, Refusal } from '../exchange.ts'
import type { Credentials, Principal } from '../identities.ts'
import {
  isSame,
  parseAuthorization,
  parseTimestamp,
  sha256,
  sign,
  type Signature,
  toTimestamp,
} from '../sigv4.ts'

/** How an API names the problems that every API has. */
export type Dialect = Readonly<
  Record<
    'missing' | 'unknown' | 'mismatch' | 'expired' | 'denied' | 'throttled' | 'invalid',
    readonly [status: number, code: string]
  >
>

/** The name that a service's requests are signed for, and its words for problems. */
export type Api = { readonly name: string; readonly dialect: Dialect }

export type Caller = { readonly principal: Principal; readonly region: string }

const SKEW = 15 * 60_000
const INVALID_TOKEN = 'The security token included in the request is invalid.'

/** A refusal in the words of an API. */
export function problem(dialect: Dialect, kind: keyof Dialect, message: string): Refusal {
  const [status, code] = dialect[kind]
  return new Refusal(status, code, message)
}

/** Checks a request's signature and tells who made it. */
export function authenticate(emulation: Emulation, exchange: Exchange, api: Api): Caller {
  const { dialect } = api
  const refuse = (kind: keyof Dialect, message: string) => problem(dialect, kind, message)
  const { authorization } = exchange.request.headers
  if (!authorization) throw refuse('missing', 'Missing Authentication Token')
  const signature = parseAuthorization(authorization)
  if (!signature) throw refuse('mismatch', 'Authorization header is not a valid signature')
  const credentials = emulation.identities.find(signature.scope.accessKeyId)
  if (!credentials) throw refuse('unknown', INVALID_TOKEN)
  exchange.call.principal = credentials.principal.arn
  const flaw =
    scopeFlaw(emulation, exchange, signature, api.name) ??
    timeFlaw(emulation, exchange) ??
    signatureFlaw(exchange, signature, credentials)
  if (flaw) throw refuse('mismatch', flaw)
  checkSession(emulation, exchange, credentials, dialect)
  return { principal: credentials.principal, region: signature.scope.region }
}

const scopeFlaw = (
  { settings }: Emulation,
  { request }: Exchange,
  { scope }: Signature,
  service: string,
) => {
  if (scope.service !== service) {
    return `Credential should be scoped to correct service: '${service}'.`
  }
  // Over TLS the host may be AWS's own, which names the region that is asked.
  const [, asked] = /\.([a-z]{2,}(?:-[a-z]+)+-\d)\./.exec(request.headers.host ?? '') ?? []
  const served =
    /^[a-z]{2,}(-[a-z]+)+-\d$/.test(scope.region) &&
    (settings.regions.length === 0 || settings.regions.includes(scope.region)) &&
    (asked === undefined || asked === scope.region)
  return served ? undefined : 'Credential should be scoped to a valid region.'
}

const timeFlaw = ({ now }: Emulation, { request }: Exchange) => {
  const timestamp = String(request.headers['x-amz-date'] ?? '')
  const at = parseTimestamp(timestamp)
  if (!at) return 'Date must be in ISO-8601 "basic format".'
  const here = now()
  const late = here.getTime() - at.getTime()
  if (Math.abs(late) <= SKEW) return undefined
  const edge = new Date(here.getTime() + (late > 0 ? -SKEW : SKEW))
  const [what, order, sign15] =
    late > 0 ? ['expired', 'earlier', '-'] : ['not yet current', 'later', '+']
  return `Signature ${what}: ${timestamp} is ${late > 0 ? 'now ' : 'still '}${order} than ${toTimestamp(edge)} (${toTimestamp(here)} ${sign15} 15 min.)`
}

const signatureFlaw = (
  exchange: Exchange,
  { scope, signedHeaders, signature }: Signature,
  { secret }: Credentials,
) => {
  const { headers, method = '' } = exchange.request
  const unsigned = Object.keys(headers).find(
    (name) => (name === 'host' || name.startsWith('x-amz-')) && !signedHeaders.includes(name),
  )
  if (unsigned) return `'${unsigned}' must be a 'SignedHeader' in the AWS Authorization.`
  const timestamp = String(headers['x-amz-date'])
  const expected = sign(
    {
      method,
      path: exchange.url.pathname,
      query: exchange.url.search.slice(1),
      header: (name) => exchange.call.headers[name],
      payloadHash: sha256(exchange.body),
      timestamp,
    },
    scope,
    signedHeaders,
    secret,
  )
  if (scope.day === timestamp.slice(0, 8) && isSame(signature, expected)) return undefined
  return 'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.'
}

const checkSession = (
  { now }: Emulation,
  { request }: Exchange,
  { session }: Credentials,
  dialect: Dialect,
) => {
  const token = request.headers['x-amz-security-token']
  if (token !== session?.token) throw problem(dialect, 'unknown', INVALID_TOKEN)
  if (session && session.expiresAt <= now()) {
    throw problem(dialect, 'expired', 'The security token included in the request is expired')
  }
}
