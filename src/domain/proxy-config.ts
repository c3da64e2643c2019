/** What a configuration may say of the sidecar, under "proxy". */

import { type Allow, readAllow } from './allow.ts'
import { type Check, fields, list, oneOf, type Place, text, unknownKey, wrong } from './checks.ts'
import { hostPort } from './host-port.ts'
import type { HostPort } from './mapping.ts'
import { type PushRules, readPushRules } from './push-rules.ts'

/** Settings of the sidecar that a configuration may hold; all but `allow`, `blobHosts` and `push` are flags of `serve`. */
export type ProxyConfig = {
  readonly listen?: readonly string[]
  readonly tlsCert?: readonly string[]
  readonly tlsKey?: readonly string[]
  readonly tlsAuto?: boolean
  readonly auth?: 'passthrough' | 'inject'
  readonly clients?: string
  readonly clientCa?: string
  readonly allow?: Allow
  readonly blobs?: 'redirect' | 'stream'
  /** Hosts that `stream` fetches layers from, besides ECR's buckets. */
  readonly blobHosts?: readonly HostPort[]
  readonly readOnly?: boolean
  /** Rules for pushes; those of a mapping win, key by key. */
  readonly push?: PushRules
  readonly admin?: string
  readonly cloudwatch?: string
  readonly logFormat?: 'json' | 'pretty'
  readonly drain?: number
  readonly maxConnections?: number
  readonly maxConnectionsPerClient?: number
  readonly maxHeader?: number
  readonly maxUrl?: number
  readonly idle?: number
  readonly workers?: number
}

/** The settings of the sidecar, each checked. */
export function readProxy(place: Place): ProxyConfig {
  return Object.fromEntries(
    fields(place).map((entry) => {
      const check = Object.hasOwn(CHECKS, entry.name)
        ? CHECKS[entry.name as keyof ProxyConfig]
        : undefined
      if (!check) return unknownKey(entry, Object.keys(CHECKS).join(', '))
      return [entry.name, check(entry)]
    }),
  )
}

const CHECKS: {
  readonly [key in keyof ProxyConfig]-?: Check<NonNullable<ProxyConfig[key]>>
} = {
  listen: oneOrMore('ADDR:PORT'),
  tlsCert: oneOrMore('file'),
  tlsKey: oneOrMore('file'),
  tlsAuto: flag,
  auth: oneOf('passthrough', 'inject'),
  clients: text,
  clientCa: text,
  allow: readAllow,
  blobs: oneOf('redirect', 'stream'),
  blobHosts: (at) => list(at, hostPort),
  readOnly: flag,
  push: readPushRules,
  admin: text,
  cloudwatch: text,
  logFormat: oneOf('json', 'pretty'),
  drain: seconds,
  maxConnections: count,
  maxConnectionsPerClient: count,
  maxHeader: count,
  maxUrl: count,
  idle: seconds,
  workers: count,
}

function flag(place: Place): boolean {
  return typeof place.value === 'boolean' ? place.value : wrong(place, 'true or false')
}

function oneOrMore(what: string): Check<readonly string[]> {
  return (place) => {
    const texts = Array.isArray(place.value) ? list(place, text) : [text(place)]
    return texts.length > 0 ? texts : wrong(place, `at least one ${what}`)
  }
}

function seconds(place: Place): number {
  const { value } = place
  return typeof value === 'number' && value >= 0 ? value : wrong(place, 'a number of seconds')
}

function count(place: Place): number {
  const { value } = place
  return Number.isSafeInteger(value) && (value as number) > 0
    ? (value as number)
    : wrong(place, 'a whole number above 0')
}
