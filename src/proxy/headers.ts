/** What happens to header fields on their way through, in one visible order. Pure. */

import type { Registry } from '../domain/registry.ts'
import { withoutPrefix } from './prefix.ts'

export type Field = readonly [name: string, value: string]
/** In the order of the wire, a name as often as it was sent. */
export type Fields = readonly Field[]

/** How the end of a request is told; a request without a body may say nothing. */
export type Framing = 'none' | 'chunked' | { readonly length: string }

/** Pairs out of Node's flat list. */
export function toFields(raw: readonly string[]): Fields {
  const fields: Field[] = []
  for (let index = 0; index < raw.length; index += 2) {
    fields.push([raw[index] ?? '', raw[index + 1] ?? ''])
  }
  return fields
}

/** Every value of a field, whatever the case of its name. */
export function valuesOf(fields: Fields, wanted: string): readonly string[] {
  return fields.filter(([name]) => isCalled(name, wanted)).map(([, value]) => value)
}

function isCalled(name: string, wanted: string): boolean {
  return name.length === wanted.length && name.toLowerCase() === wanted
}

export type ToUpstream = {
  readonly registry: Registry
  readonly framing: Framing
  /** Instead of the client's own, which goes on as it is without this one. */
  readonly authorization?: string | undefined
}

/** A request's fields for the registry: strip, rewrite, re-frame. */
export function toUpstream(
  fields: Fields,
  { registry, framing, authorization }: ToUpstream,
): Fields {
  const forwarded = without(endToEnd(fields), CLIENTS_OWN)
  return [
    ['Host', registry.host],
    ...(authorization === undefined ? forwarded : without(forwarded, /^authorization$/i)),
    ...(authorization === undefined ? [] : [['Authorization', authorization] as const]),
    ...framingFields(framing),
  ]
}

export type Rewriting = {
  readonly registry: Registry
  /** Scheme, host and port as the client uses them. */
  readonly origin: string
  /** What repositories begin with, which the client does not see. */
  readonly prefix?: string | undefined
}

/** An answer's fields for the client: strip, re-frame, rewrite. */
export function toClient(fields: Fields, rewriting: Rewriting): Fields {
  const isChunked = valuesOf(fields, 'transfer-encoding').length > 0
  // RFC 9112 section 6.3: a length beside a transfer coding says nothing about the body.
  const framed = isChunked ? without(fields, /^content-length$/i) : fields
  return endToEnd(framed).map(([name, value]) => [
    name,
    toOrigin(name.toLowerCase(), value, rewriting),
  ])
}

/** Whether the end of the body is told by the message itself, not by the end of the connection. */
export function isDelimited(fields: Fields): boolean {
  return fields.some(([name]) => /^(content-length|transfer-encoding)$/i.test(name))
}

// RFC 9110 section 7.6.1, and for older peers RFC 2616 section 13.5.1 and RFC 7540 section 3.2.1.
const HOP_BY_HOP = new Set([
  'connection',
  'proxy-connection',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'proxy-authenticate',
  'proxy-authorization',
])

// Connection names fields to drop, but not these: they are meant for the registry or the client
// at the far end (RFC 9110 section 7.6.1), and without them a message would mean something else.
const NEVER_NAMED =
  /^(accept|authorization|content-.*|docker-.*|expect|host|if-.*|link|location|range|www-authenticate)$/

// Host and length are written anew. The rest is between the client and this hop: Node answers
// Expect by itself, and what was forwarded by whom would only tell AWS the clients' addresses.
const CLIENTS_OWN = /^(host|content-length|expect|forwarded|x-forwarded-.*|x-real-ip)$/i

function endToEnd(fields: Fields): Fields {
  const named = valuesOf(fields, 'connection')
    .flatMap((value) => value.toLowerCase().split(','))
    .map((name) => name.trim())
    .filter((name) => !NEVER_NAMED.test(name))
  return fields.filter(([field]) => {
    const name = field.toLowerCase()
    return !HOP_BY_HOP.has(name) && !named.includes(name)
  })
}

/** All fields but some. */
export function without(fields: Fields, names: RegExp): Fields {
  return fields.filter(([name]) => !names.test(name))
}

// Not decoration: without the second line Node writes the body of a chunked GET, DELETE or
// OPTIONS raw, and upstream reads it as the next request.
function framingFields(framing: Framing): Fields {
  if (framing === 'none') return []
  if (framing === 'chunked') return [['Transfer-Encoding', 'chunked']]
  return [['Content-Length', framing.length]]
}

function toOrigin(name: string, value: string, rewriting: Rewriting): string {
  if (name === 'location') return toOriginUrl(value, rewriting)
  if (name !== 'link') return value
  return value.replaceAll(/<([^>]*)>/g, (_, url: string) => `<${toOriginUrl(url, rewriting)}>`)
}

// Only a URL on the registry itself; one on S3 is not ours.
function toOriginUrl(url: string, { registry, origin, prefix }: Rewriting): string {
  const [, authority, rest = ''] = /^(?:https?:)?\/\/([^/?#]*)(.*)$/is.exec(url) ?? []
  const strip = (target: string) => (prefix === undefined ? target : withoutPrefix(target, prefix))
  if (authority === undefined) return strip(url)
  const host = authority.toLowerCase().replace(/:443$/, '')
  return host === registry.host ? `${origin}${strip(rest)}` : url
}
