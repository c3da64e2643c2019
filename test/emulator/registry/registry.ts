/** The registry endpoint: the Host picks the registry, but who asks is checked first. */

import type { IncomingMessage } from 'node:http'

import type { RegistryId } from '../content.ts'
import { authorise, type Emulation } from '../emulation.ts'
import { type Exchange, Refusal, send, type Service, type Target } from '../exchange.ts'
import { galleryChallenge, GALLERY, giveBearer, logInToGallery, TOKEN_PATH } from './gallery.ts'
import { hostName, isGallery, originOf, registryOfHost } from './host.ts'
import { BAD_TOKEN, checkRegion, logIn, UNAUTHORIZED } from './login.ts'
import { findRoute, type Route } from './routes.ts'
import { REGISTRY_HEADERS, sendNotFound, type Visit } from './visit.ts'

export function identifyRegistry(
  emulation: Emulation,
): (request: IncomingMessage, url: URL) => Target {
  const uploads: Visit['uploads'] = new Map()
  const service: Service = {
    name: 'registry',
    throttled: new Refusal(429, 'TOOMANYREQUESTS', 'Rate exceeded'),
    refuse: (exchange, refusal) => refuse(emulation, exchange, refusal),
    answer: (exchange) => answer(emulation, exchange, uploads),
  }
  return ({ method = '' }, { pathname }) => ({ service, operation: operationOf(method, pathname) })
}

const answer = (emulation: Emulation, exchange: Exchange, uploads: Visit['uploads']) => {
  const { pathname } = exchange.url
  const gallery = isGallery(emulation, exchange)
  if (gallery && TOKEN_PATH.test(pathname)) return giveBearer(emulation, exchange)
  const registry = gallery ? enterGallery(emulation, exchange) : enter(emulation, exchange)
  const route = findRoute(exchange.call.method, pathname)
  if (!route) return sendNotFound(exchange)
  const [, name = '', reference = ''] = route.path.exec(pathname) ?? []
  if (!gallery || exchange.fault) checkPolicy(emulation, exchange, route, arnOf(registry, name))
  const origin = originOf(emulation, exchange)
  return route.answer({ emulation, exchange, registry, origin, name, reference, uploads })
}

const operationOf = (method: string, path: string) => {
  if (TOKEN_PATH.test(path)) return 'GetBearer'
  return findRoute(method, path)?.operation ?? 'Unknown'
}

const enter = (emulation: Emulation, exchange: Exchange): RegistryId => {
  const claims = logIn(emulation, exchange)
  const registry = registryOfHost(emulation, exchange)
  checkRegion(claims, registry.region)
  return registry
}

const enterGallery = (emulation: Emulation, exchange: Exchange): RegistryId => {
  logInToGallery(emulation, exchange)
  return GALLERY
}

const checkPolicy = (
  emulation: Emulation,
  exchange: Exchange,
  { action }: Route,
  resource: string,
) => {
  const deed = { action: `ecr:${action}`, resource }
  if (action) authorise(emulation, exchange, deed, denied)
  else if (exchange.fault?.kind === 'deny') throw denied('Access denied')
}

const arnOf = ({ region, account }: RegistryId, name: string) =>
  `arn:aws:ecr:${region}:${account}:repository/${name}`

const denied = (message: string) => new Refusal(403, 'DENIED', message)

const refuse = (emulation: Emulation, exchange: Exchange, refusal: Refusal) => {
  const { status, code, message } = refusal
  const text = { ...REGISTRY_HEADERS, 'Content-Type': 'text/plain; charset=utf-8' }
  if (code === UNAUTHORIZED) {
    const challenge = challengeOf(emulation, exchange)
    const headers = { ...text, Sizes: '', 'Www-Authenticate': challenge }
    return send(exchange.response, status, headers, 'Not Authorized\n')
  }
  if (code === BAD_TOKEN) {
    return send(exchange.response, status, text, emulation.settings.badTokenBody)
  }
  const headers = { ...REGISTRY_HEADERS, 'Content-Type': 'application/json; charset=utf-8' }
  send(exchange.response, status, headers, JSON.stringify({ errors: [{ code, message }] }))
}

const challengeOf = (emulation: Emulation, exchange: Exchange) =>
  isGallery(emulation, exchange)
    ? galleryChallenge(originOf(emulation, exchange), hostName(exchange))
    : `Basic realm="${originOf(emulation, exchange)}/",service="ecr.amazonaws.com"`
