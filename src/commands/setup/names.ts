/** The names that an engine is set up for, and what our own configuration has to say of them. */

import { isDeepStrictEqual } from 'node:util'
import { mergeConfig } from '../../domain/config.ts'
import { UserError } from '../../domain/errors.ts'
import type { Mapping } from '../../domain/mapping.ts'
import { readServerUrl } from '../../domain/names.ts'
import { nameOf } from '../../domain/server-url.ts'
import { loadConfig } from '../../io/config.ts'
import { readJsonFile } from '../../io/json-file.ts'
import { ownConfig, SYSTEM_CONFIG } from '../../setup/place.ts'
import type { Change, Plan } from '../../setup/plan.ts'
import { withMappings, type Written } from '../mappings/file.ts'
import { findTarget, readSetting } from '../registries.ts'
import type { Setting } from './setting.ts'

/** The mappings that are to be set up: those named, or all with a plain name. At least one. */
export function mappingsOf(setting: Setting): readonly Mapping[] {
  const mappings = allMappingsOf(setting).filter(({ name }) => !name.startsWith('*.'))
  if (mappings.length > 0) return mappings
  throw new UserError('CONFIG', 'no name is mapped; first: ecr-cname map add HOST ECR_HOST')
}

/** The same with wildcards, and none where none are. */
export function allMappingsOf({ place, hosts }: Setting): readonly Mapping[] {
  if (hosts.length === 0) return [...loadConfig(place.env).mappings.values()]
  return hosts.map((host) => {
    const asked = readServerUrl(host)
    const target = asked && findTarget(asked, readSetting(asked, place.env))
    if (target) return { ...target.mapping, name: nameOf(asked) }
    const message = `${host}: no registry is mapped to it; first: ecr-cname map add ${host} ECR_HOST`
    throw new UserError('CONFIG', message)
  })
}

/**
 * A plan for an engine that asks by the ECR host: what the name says of the identity is said of
 * that host too.
 */
export function withIdentities(plan: Plan, mappings: readonly Mapping[], { place }: Setting): Plan {
  const own = loadConfig(place.env).mappings
  const put = new Map<string, Written>()
  for (const mapping of mappings) {
    const { host } = mapping.registry
    const identity = identityOf(mapping)
    const isSaid = mapping.name === host || own.has(host) || put.has(host)
    if (Object.keys(identity).length > 0 && !isSaid) put.set(host, identity)
  }
  return put.size === 0
    ? plan
    : { ...plan, changes: [...plan.changes, mapped(ownConfig(place), put, 0o600)] }
}

/** The change by which services of that system, which have no home, know the mappings; if any. */
export function forServices(mappings: readonly Mapping[], { place }: Setting): readonly Change[] {
  const path = place.at(SYSTEM_CONFIG)
  const value = readJsonFile(path)?.value ?? {}
  const there = mergeConfig([{ where: path, value }]).mappings
  const put = new Map<string, Written>()
  for (const mapping of mappings) {
    const known = there.get(mapping.name)
    if (!known || !isDeepStrictEqual(writtenOf(known), writtenOf(mapping))) {
      put.set(mapping.name, writtenOf(mapping))
    }
  }
  return put.size === 0 ? [] : [mapped(path, put, 0o644)]
}

function mapped(path: string, put: ReadonlyMap<string, Written>, mode: number): Change {
  const text = readJsonFile(path)?.text ?? '{}\n'
  return { path, content: Buffer.from(withMappings({ path, text }, put)), mode }
}

function writtenOf(mapping: Mapping): Written {
  const registry = mapping.registry.host
  const identity = identityOf(mapping)
  return Object.keys(identity).length === 0 ? registry : { registry, ...identity }
}

function identityOf({ profile, roleArn, roleSessionName, externalId }: Mapping) {
  return {
    ...(profile && { profile }),
    ...(roleArn && { roleArn }),
    ...(roleSessionName && { roleSessionName }),
    ...(externalId && { externalId }),
  }
}
