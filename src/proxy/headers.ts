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

/** Node's flat list out of pairs. */
export function toRaw(fields: Fields): string[] {
  const raw: string[] = []
  for (const field of fields) raw.push(field[0], field[1])
  return raw
}

/** Every value of a field, whatever the case of its name. */
export function valuesOf(fields: Fields, wanted: string): readonly string[] {
  const values: string[] = []
  for (const field of fields) {
    if (isCalled(field[0], wanted)) values.push(field[1])
  }
  return values
}

/** Whether a field is there, whatever the case of its name. */
export function hasField(fields: Fields, wanted: string): boolean {
  for (const field of fields) {
    if (isCalled(field[0], wanted)) return true
  }
  return false
}

/** Whether a name is the wanted one, which is in lower case. */
export function isCalled(name: string, wanted: string): boolean {
  return name.length === wanted.length && name.toLowerCase() === wanted
}

// A set would have each name put in lower case and hashed; most differ in length alone.
function isOneOf(name: string, wanted: readonly string[]): boolean {
  for (const one of wanted) {
    if (isCalled(name, one)) return true
  }
  return false
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
  const named = namedByConnection(fields)
  const forwarded: Field[] = [['Host', registry.host]]
  for (const field of fields) {
    const [name] = field
    if (!isEndToEnd(name, named) || isClientsOwn(name)) continue
    if (authorization !== undefined && isCalled(name, 'authorization')) continue
    forwarded.push(field)
  }
  if (authorization !== undefined) forwarded.push(['Authorization', authorization])
  // Not decoration: without the first line Node writes the body of a chunked GET, DELETE or
  // OPTIONS raw, and upstream reads it as the next request.
  if (framing === 'chunked') forwarded.push(['Transfer-Encoding', 'chunked'])
  else if (framing !== 'none') forwarded.push(['Content-Length', framing.length])
  return forwarded
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
  const named = namedByConnection(fields)
  // RFC 9112 section 6.3: a length beside a transfer coding says nothing about the body.
  const isCoded = hasField(fields, 'transfer-encoding')
  const forwarded: Field[] = []
  for (const field of fields) {
    const [name, value] = field
    if (!isEndToEnd(name, named) || (isCoded && isCalled(name, 'content-length'))) continue
    if (isCalled(name, 'location')) forwarded.push([name, toOriginUrl(value, rewriting)])
    else if (isCalled(name, 'link')) forwarded.push([name, toOriginLinks(value, rewriting)])
    else forwarded.push(field)
  }
  return forwarded
}

// RFC 9110 section 7.6.1, and for older peers RFC 2616 section 13.5.1 and RFC 7540 section 3.2.1.
const HOP_BY_HOP = [
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
]

// Connection names fields to drop, but not these: they are meant for the registry or the client
// at the far end (RFC 9110 section 7.6.1), and without them a message would mean something else.
const NEVER_NAMED =
  /^(accept|authorization|content-.*|docker-.*|expect|host|if-.*|link|location|range|www-authenticate)$/

// Host and length are written anew. The rest is between the client and this hop: Node answers
// Expect by itself, and what was forwarded by whom would only tell AWS the clients' addresses.
const CLIENTS_OWN = ['host', 'content-length', 'expect', 'forwarded', 'x-real-ip']
const FORWARDED = 'x-forwarded-'

function isClientsOwn(name: string): boolean {
  return isOneOf(name, CLIENTS_OWN) || isCalled(name.slice(0, FORWARDED.length), FORWARDED)
}

function isEndToEnd(name: string, named: readonly string[]): boolean {
  return !isOneOf(name, HOP_BY_HOP) && !isOneOf(name, named)
}

/** The fields that Connection says are for this hop alone. */
function namedByConnection(fields: Fields): readonly string[] {
  const named: string[] = []
  for (const value of valuesOf(fields, 'connection')) {
    // The usual one, and dropped in any case.
    if (isCalled(value, 'keep-alive')) continue
    for (const part of value.toLowerCase().split(',')) {
      const name = part.trim()
      if (!NEVER_NAMED.test(name)) named.push(name)
    }
  }
  return named
}

/** All fields but some. */
export function without(fields: Fields, names: RegExp): Fields {
  return fields.filter(([name]) => !names.test(name))
}

function toOriginLinks(value: string, rewriting: Rewriting): string {
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
