/** Which registry stands behind a name. */

import type { PushRules } from './push-rules.ts'
import type { Registry } from './registry.ts'

/** A host and a port as a client or a configuration names them: lower case, A-labels. */
export type HostPort = { readonly host: string; readonly port?: number }

/** One name of the configuration and the registry behind it. */
export type Mapping = {
  /** `host`, `host:port` or `*.zone`, normalised. */
  readonly name: string
  readonly registry: Registry
  /** Where sockets go instead of the registry's own address; port 443 unless given. */
  readonly connect?: HostPort
  /** What every repository begins with, unseen by clients of the sidecar; ends with a slash. */
  readonly prefix?: string
  /** Registries with the same images, which are read where this one fails. */
  readonly replicas?: readonly Replica[]
  /** Rules for pushes that win over those for all registries. */
  readonly push?: PushRules
  readonly profile?: string
  readonly roleArn?: string
  readonly roleSessionName?: string
  readonly externalId?: string
}

export type Replica = { readonly registry: Registry; readonly connect?: HostPort }

/** Mappings by name. */
export type Mappings = ReadonlyMap<string, Mapping>

/**
 * Finds the mapping of a host: one that names the port, else the bare name, else the wildcard
 * that covers its first label. A wildcard stands for one label, as in a certificate.
 */
export function findMapping(mappings: Mappings, { host, port }: HostPort): Mapping | undefined {
  const wildcard = host.replace(/^[^.]+/, '*')
  const names = [host, wildcard].flatMap((name) => (port ? [`${name}:${port}`, name] : [name]))
  return names.map((name) => mappings.get(name)).find((mapping) => mapping !== undefined)
}

/** A mapping, and one for each of its replicas: what pulls may be read from, in that order. */
export function sitesOf(mapping: Mapping): readonly [Mapping, ...Mapping[]] {
  if (!mapping.replicas) return [mapping]
  const { replicas, connect: _, ...same } = mapping
  return [mapping, ...replicas.map((replica) => ({ ...same, ...replica }))]
}
