/** The configuration: what it may say, and what it says once every source is merged. */

import { type Field, fields, list, type Place, record, text, unknownKey, wrong } from './checks.ts'
import { hostPort, readHost } from './host-port.ts'
import type { HostPort, Mapping, Mappings, Replica } from './mapping.ts'
import { type ProxyConfig, readProxy } from './proxy-config.ts'
import { readPushRules } from './push-rules.ts'
import { parseRegistry, type Registry } from './registry.ts'
import { readServerUrl } from './names.ts'
import { nameOf } from './server-url.ts'

/** Where logins of hosts that are not ours go: the own store, nowhere, or a helper by name. */
export type Fallback =
  | { readonly kind: 'file' }
  | { readonly kind: 'none' }
  | { readonly kind: 'helper'; readonly name: string }

export type Config = {
  readonly mappings: Mappings
  readonly dns: { readonly trustedZones: readonly string[]; readonly servers: readonly string[] }
  readonly fallback: Fallback
  /** The share of a token's life after which it is renewed behind the answer, in (0, 1]. */
  readonly refreshAfter: number
  readonly proxy: ProxyConfig
}

/** One source: a file's path or a variable's name, and the JSON value read from it. */
export type Source = { readonly where: string; readonly value: unknown }

/**
 * Merges sources, the later winning, key by key under `registries`.
 * Throws a UserError of code CONFIG that names source, key and what was expected.
 */
export function mergeConfig(sources: readonly Source[]): Config {
  const parts = sources.map(readSource)
  const mappings = new Map(parts.flatMap(({ mappings: own }) => own).map((own) => [own.name, own]))
  return Object.assign({}, DEFAULTS, ...parts.map(({ settings }) => settings), {
    mappings,
  }) as Config
}

const DEFAULTS: Omit<Config, 'mappings'> = {
  dns: { trustedZones: [], servers: [] },
  fallback: { kind: 'file' },
  refreshAfter: 0.5,
  proxy: {},
}

type Part = { readonly mappings: readonly Mapping[]; readonly settings: Partial<Config> }

function readSource({ where, value }: Source): Part {
  const top = record({ where, key: '', value })
  if (isPlainMap(top)) return { mappings: readMappings({ where, key: '', value }), settings: {} }
  const settings: Record<string, unknown> = {}
  let mappings: readonly Mapping[] = []
  for (const place of fields({ where, key: '', value })) {
    if (place.name === 'registries') mappings = readMappings(place)
    else if (place.name === 'dns') settings['dns'] = readDns(place)
    else if (place.name === 'fallback') settings['fallback'] = readFallback(place)
    else if (place.name === 'refreshAfter') settings['refreshAfter'] = readShare(place)
    else if (place.name === 'proxy') settings['proxy'] = readProxy(place)
    else if (place.name !== '$schema') unknownSetting(place, top)
  }
  return { mappings, settings }
}

// Among names as earlier tools keep them, it is the one without a dot that is no name there.
function unknownSetting(place: Field, top: Readonly<Record<string, unknown>>): never {
  const odd = Object.entries(top).find(([name, host]) => {
    return !name.includes('.') && !SETTINGS.includes(name) && typeof host === 'string'
  })
  if (odd && place.name.includes('.')) {
    unknownKey({ ...place, key: odd[0] }, 'a name with a dot, or all names under registries')
  }
  return unknownKey(place, 'registries, dns, fallback, refreshAfter or proxy')
}

const SETTINGS = ['$schema', 'registries', 'dns', 'fallback', 'refreshAfter', 'proxy']

// Earlier tools keep `{"<cname>": "<ecr host>"}` and nothing else in their files. A value that is
// neither a text nor what a setting may be is told of its own entry.
function isPlainMap(top: Readonly<Record<string, unknown>>): boolean {
  const entries = Object.entries(top)
  return (
    entries.length > 0 &&
    entries.every(([name, host]) => name.includes('.') && typeof host !== 'object')
  )
}

function readMappings(place: Place): readonly Mapping[] {
  return fields(place).map(readMapping)
}

function readMapping(place: Field): Mapping {
  const name = readName(place)
  const isShort = typeof place.value === 'string'
  const entries = isShort ? [{ ...place, name: 'registry' }] : fields(place)
  const found: Record<string, unknown> = { name, registry: parseRegistry(name) }
  for (const entry of entries) {
    if (entry.name === 'registry') found['registry'] = readRegistry(entry)
    else if (entry.name === 'connect') found['connect'] = hostPort(entry)
    else if (entry.name === 'replicas') found['replicas'] = list(entry, readReplica)
    else if (entry.name === 'prefix') found['prefix'] = readPrefix(entry)
    else if (entry.name === 'push') found['push'] = readPushRules(entry)
    else if (entry.name === 'roleArn') found['roleArn'] = readRole(entry)
    else if (/^(profile|roleSessionName|externalId)$/.test(entry.name)) {
      found[entry.name] = text(entry)
    } else {
      unknownKey(
        entry,
        'registry, prefix, replicas, push, profile, roleArn, roleSessionName, externalId or connect',
      )
    }
  }
  if (!found['registry']) wrong({ ...place, key: `${place.key}.registry`, value: undefined }, ECR)
  return found as Mapping
}

const ECR = 'an ECR host such as 123456789012.dkr.ecr.us-east-1.amazonaws.com'

function readName(place: Field): string {
  const given = place.name
  const wildcard = given.startsWith('*.')
  const asked = readServerUrl(wildcard ? given.slice(2) : given)
  if (!asked) return wrong({ ...place, value: given }, 'a host, host:port or *.zone as the key')
  return `${wildcard ? '*.' : ''}${nameOf(asked)}`
}

function readRegistry(place: Place): Mapping['registry'] {
  const asked = readHost(place)
  const registry = asked && asked.port === '' ? parseRegistry(asked.host) : undefined
  return registry ?? wrong(place, ECR)
}

function readPrefix(place: Place): string {
  const prefix = text(place)
  const isOne = /^(?:[a-z0-9]+(?:[._-]+[a-z0-9]+)*\/)+$/.test(prefix)
  return isOne ? prefix : wrong(place, 'the beginning of repository names, such as "team-a/"')
}

function readReplica(place: Place): Replica {
  const isShort = typeof place.value === 'string'
  const found: { registry?: Registry; connect?: HostPort } = {}
  for (const entry of isShort ? [{ ...place, name: 'registry' }] : fields(place)) {
    if (entry.name === 'registry') found.registry = readRegistry(entry)
    else if (entry.name === 'connect') found.connect = hostPort(entry)
    else unknownKey(entry, 'registry or connect')
  }
  if (!found.registry?.account) return wrong(place, `the registry of an account: ${ECR}`)
  return found as Replica
}

function readRole(place: Place): string {
  const arn = text(place)
  return /^arn:[a-z-]+:iam::\d{12}:role\/\S+$/.test(arn)
    ? arn
    : wrong(place, 'a role such as arn:aws:iam::123456789012:role/pull')
}

function readDns(place: Place): Config['dns'] {
  let { trustedZones, servers } = DEFAULTS.dns
  for (const entry of fields(place)) {
    if (entry.name === 'trustedZones') trustedZones = list(entry, zone)
    else if (entry.name === 'servers') servers = list(entry, dnsServer)
    else unknownKey(entry, 'trustedZones or servers')
  }
  return { trustedZones, servers }
}

function zone(place: Place): string {
  const asked = readServerUrl(text(place).replace(/^\*?\./, ''))
  return asked && asked.port === '' ? asked.host : wrong(place, 'a zone such as company.com')
}

function dnsServer(place: Place): string {
  const server = text(place)
  return DNS_SERVER.test(server) ? server : wrong(place, 'an address or address:port')
}

// An IPv4 address, or an IPv6 one in brackets, and a port.
const DNS_SERVER =
  /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}|\[[0-9A-Fa-f:.]+\])(?::(?:[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5]))?$/

function readFallback(place: Place): Fallback {
  const name = text(place)
  if (name === 'file' || name === 'none') return { kind: name }
  if (name === 'ecr-cname') return wrong(place, 'another helper than this one')
  return /^[\w.-]+$/.test(name)
    ? { kind: 'helper', name }
    : wrong(place, '"file", "none" or a helper\'s name such as "pass"')
}

function readShare(place: Place): number {
  const share = place.value
  return typeof share === 'number' && share > 0 && share <= 1
    ? share
    : wrong(place, 'a number above 0 and up to 1')
}
