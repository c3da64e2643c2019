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
  const path = target.split('?')[0] ?? ''
  // RFC 9112 section 3.2: a server that is no forward proxy takes the origin form.
  if (!path.startsWith('/')) {
    throw bad('the request target must be a path, such as /v2/')
  }
  if (!/^[!-~]+$/.test(target) || target.includes('#')) {
    throw bad('the request target holds a character that a URL has only percent-encoded')
  }
  if (path.split('/').some(isTrick) || path.includes('//') || HIDDEN.test(path)) {
    throw bad('the path holds "..", an empty part, or an encoded separator')
  }
  return path
}

/** The route of a request by its Host. */
export function routeOf(head: Head, { mappings, readOnly }: Rules): Route {
  const framing = framingOf(head)
  const [host, ...more] = valuesOf(head.fields, 'host')
  if (host === undefined || more.length > 0) throw bad('a request needs exactly one Host')
  const mapping = mappingOf(host, mappings)
  const path = pathOf(head)
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
  const asked = readHost(host)
  return asked && findMapping(mappings, asked)?.name
}

const READING = ['GET', 'HEAD']
const METHODS = [...READING, 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

// Encoded dot, slash, backslash, percent and control characters, and half an encoding: no name,
// tag or digest needs them, and whoever decodes once more than we do would see another path.
const HIDDEN = /\\|%(?![0-9a-f]{2})|%(2[ef5]|5c|[01][0-9a-f]|7f)/i

function isTrick(part: string): boolean {
  return part === '.' || part === '..'
}

// Node's parser refuses most of what is ambiguous; the rest is refused here (RFC 9112 section 6).
function framingOf({ method, httpVersion, fields }: Head): Framing {
  const codings = valuesOf(fields, 'transfer-encoding')
  const lengths = valuesOf(fields, 'content-length')
  if (codings.length > 0) {
    const isChunked = codings.length === 1 && codings[0]?.toLowerCase() === 'chunked'
    if (isChunked && lengths.length === 0 && httpVersion === '1.1') return 'chunked'
    throw bad('the only transfer coding taken here is chunked, in HTTP/1.1 and without a length')
  }
  const [length, ...more] = lengths
  // RFC 9110 section 8.6: where a body is expected, its absence is told.
  if (length === undefined) return BODY_EXPECTED.includes(method) ? { length: '0' } : 'none'
  if (more.length > 0 || !/^\d+$/.test(length)) throw bad('a request has one Content-Length')
  return { length }
}

const BODY_EXPECTED = ['POST', 'PUT', 'PATCH']

function mappingOf(host: string, mappings: Mappings): Mapping {
  const asked = readHost(host)
  if (!asked) throw bad('the Host is no host name')
  const mapping = findMapping(mappings, asked)
  if (mapping) return mapping
  throw new Refusal(
    421,
    'NAME_UNKNOWN',
    `no registry is mapped to ${host} here: start ecr-cname serve with --registry ${host}=ECR_HOST`,
  )
}

function readHost(host: string): HostPort | undefined {
  const asked = /^[\w.:[\]-]+$/.test(host) ? parseServerUrl(host) : undefined
  if (!asked) return undefined
  return { host: asked.host, ...(asked.port !== '' && { port: Number(asked.port) }) }
}

function bad(message: string): Refusal {
  return new Refusal(400, 'UNSUPPORTED', message)
}
