/** Credentials from the machine itself: instance metadata (IMDSv2) and the container endpoint. */

import { randomBytes } from 'node:crypto'

import type { Emulation } from './emulation.ts'
import { type Exchange, Refusal, send, type Service, type Target } from './exchange.ts'
import type { Session } from './identities.ts'

/** Where the container endpoint is, on the listener that both share. */
export const CONTAINER_PATH = '/v1/credentials'

const TOKEN = '/latest/api/token'
const CREDENTIALS = '/latest/meta-data/iam/security-credentials/'
const PLAIN = { 'Content-Type': 'text/plain' }
const JSON_TYPE = { 'Content-Type': 'application/json' }

export function identifyMetadata(emulation: Emulation): (request: object, url: URL) => Target {
  const imds = imdsService(emulation)
  const container = containerService(emulation)
  return (_request, { pathname }) => {
    if (pathname === CONTAINER_PATH) return { service: container, operation: 'GetCredentials' }
    const operation =
      pathname === TOKEN
        ? 'GetToken'
        : pathname === CREDENTIALS
          ? 'GetRoleName'
          : pathname.startsWith(CREDENTIALS)
            ? 'GetCredentials'
            : 'GetMetadata'
    return { service: imds, operation }
  }
}

const imdsService = (emulation: Emulation): Service => {
  const ends = new Map<string, number>()
  const session = rotating(emulation, 'instance', 'i-0emulated')
  return {
    name: 'imds',
    throttled: new Refusal(429, 'TooManyRequests', 'Too Many Requests'),
    refuse({ response }, { status, message }) {
      send(response, status, PLAIN, message)
    },
    answer(exchange) {
      if (exchange.fault?.kind === 'deny') throw new Refusal(403, 'Forbidden', 'Forbidden')
      const { operation } = exchange.call
      if (operation === 'GetToken') return giveToken(emulation, exchange, ends)
      checkToken(emulation, exchange, ends)
      if (operation === 'GetCredentials') return sendInstance(emulation, exchange, session())
      const text = toMetadata(emulation, exchange.url.pathname)
      if (text === undefined) throw new Refusal(404, 'NotFound', 'Not Found')
      send(exchange.response, 200, PLAIN, text)
    },
  }
}

const containerService = (emulation: Emulation): Service => {
  const session = rotating(emulation, 'task', 'task-0emulated')
  return {
    name: 'container',
    throttled: new Refusal(429, 'ThrottlingException', 'Rate exceeded'),
    refuse({ response }, { status, code, message }) {
      send(response, status, JSON_TYPE, JSON.stringify({ code, message }))
    },
    answer({ request, response, call, fault }) {
      const { authorization } = request.headers
      if (authorization !== emulation.settings.containerToken || fault?.kind === 'deny') {
        throw new Refusal(403, 'AccessDeniedException', 'The authorization token is not valid')
      }
      const credentials = session()
      call.principal = credentials.principal.arn
      send(response, 200, JSON_TYPE, JSON.stringify(toJson(credentials)))
    },
  }
}

/** Credentials of a role that are replaced once half their life is over. */
const rotating = (
  { settings, identities, account, now }: Emulation,
  role: string,
  name: string,
) => {
  let current: Session | undefined
  return () => {
    const left = current ? current.session.expiresAt.getTime() - now().getTime() : 0
    if (!current || left < settings.sessionSeconds * 500) {
      current = identities.openSession(`arn:aws:iam::${account}:role/${role}`, name)
    }
    return current
  }
}

const giveToken = ({ now }: Emulation, exchange: Exchange, ends: Map<string, number>) => {
  const { request, response } = exchange
  if (request.method !== 'PUT') throw new Refusal(405, 'MethodNotAllowed', 'Method Not Allowed')
  // A request that came through a proxy is not one of this machine.
  if (request.headers['x-forwarded-for']) throw new Refusal(403, 'Forbidden', 'Forbidden')
  const seconds = Number(request.headers['x-aws-ec2-metadata-token-ttl-seconds'])
  if (!(seconds >= 1 && seconds <= 21_600)) throw new Refusal(400, 'BadRequest', 'Bad Request')
  const token = randomBytes(42).toString('base64')
  ends.set(token, now().getTime() + seconds * 1000)
  send(response, 200, { ...PLAIN, 'X-Aws-Ec2-Metadata-Token-Ttl-Seconds': String(seconds) }, token)
}

const checkToken = (
  { settings, now }: Emulation,
  { request }: Exchange,
  ends: Map<string, number>,
) => {
  const token = request.headers['x-aws-ec2-metadata-token']
  if (token === undefined && settings.imdsV1) return
  if ((ends.get(String(token)) ?? 0) > now().getTime()) return
  throw new Refusal(401, 'Unauthorized', 'Unauthorized')
}

const sendInstance = ({ now }: Emulation, { response, url, call }: Exchange, session: Session) => {
  if (url.pathname !== `${CREDENTIALS}instance`) throw new Refusal(404, 'NotFound', 'Not Found')
  call.principal = session.principal.arn
  const success = { Code: 'Success', Type: 'AWS-HMAC', LastUpdated: now().toISOString() }
  send(response, 200, PLAIN, JSON.stringify({ ...success, ...toJson(session) }))
}

const toMetadata = ({ region, account }: Emulation, path: string) => {
  const facts: Readonly<Record<string, string>> = {
    [CREDENTIALS]: 'instance',
    '/latest/meta-data/placement/region': region,
    '/latest/dynamic/instance-identity/document': JSON.stringify({ region, accountId: account }),
  }
  return facts[path]
}

const toJson = ({ accessKeyId, secret, session }: Session) => ({
  AccessKeyId: accessKeyId,
  SecretAccessKey: secret,
  Token: session.token,
  Expiration: `${session.expiresAt.toISOString().slice(0, 19)}Z`,
})
