/** From a server URL to the registry behind it, by configuration, by its own name, by the DNS. */

import type { Config } from '../domain/config.ts'
import { findMapping, type Mapping } from '../domain/mapping.ts'
import { parseRegistry } from '../domain/registry.ts'
import { type Asked, nameOf } from '../domain/server-url.ts'
import { identityOf } from '../front/identity.ts'
import type { Environment } from '../front/places.ts'
import { loadConfig } from '../io/config.ts'
import type { Wanted } from '../tokens/keeper.ts'

/** A host that is ours: what is kept for it, and how it is minted for. */
export type Target = { readonly mapping: Mapping; readonly wanted: Wanted }

/** The configuration, and the identities of a host from before it was read. */
export type Setting = {
  readonly config: Config
  readonly identityFor: (name: string) => string
}

export function readSetting(asked: Asked, env: Environment): Setting {
  const names = [nameOf(asked), asked.host]
  const identities = new Map(names.map((name) => [name, identityOf(name, env)]))
  return { config: loadConfig(env), identityFor: (name) => identities.get(name) ?? '' }
}

/** The target of a host that is mapped or names a registry itself. */
export function findTarget(asked: Asked, setting: Setting): Target | undefined {
  const port = asked.port === '' ? {} : { port: Number(asked.port) }
  const mapping =
    findMapping(setting.config.mappings, { host: asked.host, ...port }) ?? itself(asked.host)
  return mapping && toTarget(asked, mapping, setting)
}

/** The target of a host whose zone is trusted to say where it leads; asks the DNS. */
export async function lookUpTarget(asked: Asked, setting: Setting): Promise<Target | undefined> {
  const { dns } = setting.config
  if (dns.trustedZones.length === 0) return undefined
  const { isTrusted, lookUpRegistry } = await import('../io/dns.ts')
  if (!isTrusted(asked.host, dns.trustedZones)) return undefined
  const registry = await lookUpRegistry(asked.host, dns)
  return registry && toTarget(asked, { name: asked.host, registry }, setting)
}

function itself(host: string): Mapping | undefined {
  const registry = parseRegistry(host)
  return registry && { name: host, registry }
}

function toTarget(asked: Asked, mapping: Mapping, { config, identityFor }: Setting): Target {
  const name = /:\d+$/.test(mapping.name) ? nameOf(asked) : asked.host
  const anyPort = servesAnyPort(config, asked.host)
  const { registry } = mapping
  const identity = identityFor(name)
  return {
    mapping,
    wanted: { name, identity, registry, anyPort, refreshAfter: config.refreshAfter },
  }
}

/** Whether a host is one registry, whatever the port. */
export function servesAnyPort({ mappings }: Config, host: string): boolean {
  return ![...mappings.keys()].some((key) => namesPort(key, host))
}

function namesPort(key: string, host: string): boolean {
  const [, own] = /^(.*):\d+$/.exec(key) ?? []
  return own === host || own === host.replace(/^[^.]+/, '*')
}
