/** AWS Signature Version 4, as the side that checks it. */

import { createHash, createHmac, timingSafeEqual } from 'node:crypto'

/** The credential scope: whose key, on which day, where. */
export type Scope = {
  readonly accessKeyId: string
  readonly day: string
  readonly region: string
  readonly service: string
}

export type Signature = {
  readonly scope: Scope
  readonly signedHeaders: readonly string[]
  readonly signature: string
}

/** What was signed. */
export type Signed = {
  readonly method: string
  /** The path in canonical form: as sent for S3, encoded once more for every other service. */
  readonly path: string
  readonly query: string
  readonly header: (name: string) => string | undefined
  readonly payloadHash: string
  /** `20260102T030405Z` */
  readonly timestamp: string
}

const ALGORITHM = 'AWS4-HMAC-SHA256'

/** Reads an Authorization header of this scheme. */
export function parseAuthorization(header: string): Signature | undefined {
  const [, credential = '', names = '', signature] =
    /^AWS4-HMAC-SHA256 Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]{64})$/.exec(
      header,
    ) ?? []
  const scope = parseScope(credential)
  return scope && signature ? { scope, signedHeaders: names.split(';'), signature } : undefined
}

/** Reads `AKIA…/20260102/us-east-1/ecr/aws4_request`. */
export function parseScope(credential: string): Scope | undefined {
  const [accessKeyId, day, region, service, end] = credential.split('/')
  if (!accessKeyId || !day || !region || !service || end !== 'aws4_request') return undefined
  return { accessKeyId, day, region, service }
}

export function formatScope({ accessKeyId, day, region, service }: Scope): string {
  return `${accessKeyId}/${day}/${region}/${service}/aws4_request`
}

/** The signature that the owner of the secret would have made. */
export function sign(
  signed: Signed,
  scope: Scope,
  signedHeaders: readonly string[],
  secret: string,
): string {
  const canonicalRequest = [
    signed.method,
    signed.path,
    canonicalQuery(signed.query),
    ...signedHeaders.map((name) => `${name}:${trimmed(signed.header(name) ?? '')}`),
    '',
    signedHeaders.join(';'),
    signed.payloadHash,
  ].join('\n')
  const { day, region, service } = scope
  const place = [day, region, service, 'aws4_request']
  const text = [ALGORITHM, signed.timestamp, place.join('/'), sha256(canonicalRequest)].join('\n')
  const key = place.reduce<string | Buffer>((from, part) => hmac(from, part), `AWS4${secret}`)
  return hmac(key, text).toString('hex')
}

export function isSame(one: string, other: string): boolean {
  return one.length === other.length && timingSafeEqual(Buffer.from(one), Buffer.from(other))
}

export function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex')
}

/** `20260102T030405Z` */
export function toTimestamp(at: Date): string {
  return `${at.toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`
}

/** Reads `20260102T030405Z`; undefined for anything else. */
export function parseTimestamp(text: string): Date | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text)
  if (!parts) return undefined
  const [, year, month, day, hour, minute, second] = parts
  return new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
}

/** Percent-encodes what RFC 3986 does not leave free; encodeURIComponent spares five more. */
export function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (free) => `%${free.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

const canonicalQuery = (query: string) =>
  query
    .split('&')
    .filter((part) => part !== '')
    .map((part) => {
      const [name = '', ...rest] = part.split('=')
      return [encode(decodeURIComponent(name)), encode(decodeURIComponent(rest.join('=')))]
    })
    // By name first: "a" comes before "a-b", though "a=" comes after "a-".
    .sort(([name = '', value = ''], [otherName = '', otherValue = '']) =>
      name === otherName ? compare(value, otherValue) : compare(name, otherName),
    )
    .map((pair) => pair.join('='))
    .join('&')

const compare = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0)

const trimmed = (value: string) => value.trim().replaceAll(/ +/g, ' ')

const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()
