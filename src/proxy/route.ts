/** Whether a request is taken, and where it goes. Pure; what is not taken throws a Refusal. */

import { findMapping, type HostPort, type Mapping, type Mappings } from '../domain/mapping.ts'
import { parseServerUrl } from '../domain/server-url.ts'
import { type Fields, type Framing, valuesOf } from './headers.ts'
import { Refusal } from './refusal.ts'

/** The head of a request, as it was read. */
export type Head = {
  readonly method: string
  /** The request target, as it was sent. */
  readonly target: string
  readonly httpVersion: string
  readonly fields: Fields
  /** Whether it came over TLS. */
  readonly isSecure: boolean
}

/** Where a request goes, and how the client calls that place. */
export type Route = {
  readonly mapping: Mapping
  /** Scheme, host and port as this client uses them. */
  readonly origin: string
  readonly framing: Framing
}

export type Rules = { readonly mappings: Mappings; readonly readOnly: boolean }

/** Where health is asked, on every listener and for any Host. */
export const HEALTH = '/healthz'

/** The path of a request, checked. */
export function pathOf({ target }: Head): string {
  const path = withoutQuery(target)
  // RFC 9112 section 3.2: a server that is no forward proxy takes the origin form.
  if (!path.startsWith('/')) {
    throw bad('the request target must be a path, such as /v2/')
  }
  if (!PLAIN.test(target)) {
    throw bad('the request target holds a character that a URL has only percent-encoded')
  }
  if (TRICK.test(path)) {
    throw bad('the path holds "..", an empty part, or an encoded separator')
  }
  return path
}

/** What stands before the query of a request target. */
export function withoutQuery(target: string): string {
  const end = target.indexOf('?')
  return end === -1 ? target : target.slice(0, end)
}

/** The route of a request by its Host. The path is the request's own, checked. */
export function routeOf(head: Head, path: string, { mappings, readOnly }: Rules): Route {
  const framing = framingOf(head)
  const hosts = valuesOf(head.fields, 'host')
  const [host] = hosts
  if (host === undefined || hosts.length > 1) throw bad('a request needs exactly one Host')
  const mapping = mappingOf(host, mappings)
  if (path !== '/v2' && !path.startsWith('/v2/')) {
    throw new Refusal(404, 'UNSUPPORTED', `only /v2/ is served here, not ${path}`)
  }
  if (!METHODS.includes(head.method)) {
    throw new Refusal(405, 'UNSUPPORTED', `no registry knows the method ${head.method}`)
  }
  if (readOnly && !READING.includes(head.method)) {
    throw new Refusal(405, 'UNSUPPORTED', `${host} is read-only here: pulls are served, not pushes`)
  }
  return { mapping, origin: `${head.isSecure ? 'https' : 'http'}://${host}`, framing }
}

/** The name of the mapping that a Host leads to. */
export function servedName(host: string, mappings: Mappings): string | undefined {
  return servedBy(host, mappings)?.name
}

const READING = ['GET', 'HEAD']
const METHODS = [...READING, 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

// What a URL has as it is, the mark of a fragment left out.
const PLAIN = /^[!"$-~]+$/

// A part that is empty, "." or "..". Encoded dot, slash, backslash, percent and control characters,
// and half an encoding: no name, tag or digest needs them, and whoever decodes once more than we do
// would see another path.
const TRICK = /\/\/|\/\.\.?(?:\/|$)|\\|%(?![0-9a-f]{2})|%(2[ef5]|5c|[01][0-9a-f]|7f)/i

// Node's parser refuses most of what is ambiguous; the rest is refused here (RFC 9112 section 6).
function framingOf({ method, httpVersion, fields }: Head): Framing {
  const codings = valuesOf(fields, 'transfer-encoding')
  const lengths = valuesOf(fields, 'content-length')
  if (codings.length > 0) {
    const isChunked = codings.length === 1 && codings[0]?.toLowerCase() === 'chunked'
    if (isChunked && lengths.length === 0 && httpVersion === '1.1') return 'chunked'
    throw bad('the only transfer coding taken here is chunked, in HTTP/1.1 and without a length')
  }
  const [length] = lengths
  // RFC 9110 section 8.6: where a body is expected, its absence is told.
  if (length === undefined) return BODY_EXPECTED.includes(method) ? { length: '0' } : 'none'
  if (lengths.length > 1 || !/^\d+$/.test(length)) throw bad('a request has one Content-Length')
  return { length }
}

const BODY_EXPECTED = ['POST', 'PUT', 'PATCH']

function mappingOf(host: string, mappings: Mappings): Mapping {
  const mapping = servedBy(host, mappings)
  if (mapping) return mapping
  if (!readHost(host)) throw bad('the Host is no host name')
  throw new Refusal(
    421,
    'NAME_UNKNOWN',
    `no registry is mapped to ${host} here: start ecr-cname serve with --registry ${host}=ECR_HOST`,
  )
}

/** Where each Host led that was served lately: clients send the same few over and over. */
const SERVED = new WeakMap<Mappings, Map<string, Mapping>>()
// Of a wildcard, clients choose the names.
const MOST_SERVED = 1000

function servedBy(host: string, mappings: Mappings): Mapping | undefined {
  let served = SERVED.get(mappings)
  if (!served) SERVED.set(mappings, (served = new Map()))
  const known = served.get(host)
  if (known) return known
  const asked = readHost(host)
  const mapping = asked && findMapping(mappings, asked)
  if (!mapping) return undefined
  if (served.size >= MOST_SERVED) served.clear()
  served.set(host, mapping)
  return mapping
}

function readHost(host: string): HostPort | undefined {
  const asked = /^[\w.:[\]-]+$/.test(host) ? parseServerUrl(host) : undefined
  if (!asked) return undefined
  return asked.port === '' ? { host: asked.host } : { host: asked.host, port: Number(asked.port) }
}

function bad(message: string): Refusal {
  return new Refusal(400, 'UNSUPPORTED', message)
}
