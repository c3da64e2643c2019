/** What a configuration may say of the sidecar, under "proxy". */

import { type Allow, readAllow } from './allow.ts'
import { type Check, fields, list, oneOf, type Place, text, unknownKey, wrong } from './checks.ts'
import { hostPort } from './host-port.ts'
import type { HostPort } from './mapping.ts'

/** Settings of the sidecar that a configuration may hold; all but `allow` and `blobHosts` are flags of `serve`. */
export type ProxyConfig = {
  readonly listen?: readonly string[]
  readonly tlsCert?: readonly string[]
  readonly tlsKey?: readonly string[]
  readonly auth?: 'passthrough' | 'inject'
  readonly clients?: string
  readonly clientCa?: string
  readonly allow?: Allow
  readonly blobs?: 'redirect' | 'stream'
  /** Hosts that `stream` fetches layers from, besides ECR's buckets. */
  readonly blobHosts?: readonly HostPort[]
  readonly readOnly?: boolean
  readonly admin?: string
  readonly cloudwatch?: string
  readonly logFormat?: 'json' | 'pretty'
  readonly drain?: number
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
  listen: oneOrMore,
  tlsCert: oneOrMore,
  tlsKey: oneOrMore,
  auth: oneOf('passthrough', 'inject'),
  clients: text,
  clientCa: text,
  allow: readAllow,
  blobs: oneOf('redirect', 'stream'),
  blobHosts: (at) => list(at, hostPort),
  readOnly: (at) => (typeof at.value === 'boolean' ? at.value : wrong(at, 'true or false')),
  admin: text,
  cloudwatch: text,
  logFormat: oneOf('json', 'pretty'),
  drain: (at) =>
    typeof at.value === 'number' && at.value >= 0 ? at.value : wrong(at, 'a number of seconds'),
}

function oneOrMore(place: Place): readonly string[] {
  return Array.isArray(place.value) ? list(place, text) : [text(place)]
}
