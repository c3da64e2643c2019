/** Mappings with the file or variable in which each of them stands. */

import { mergeConfig, type Source } from '../../domain/config.ts'
import type { Mapping } from '../../domain/mapping.ts'
import { readSources } from '../../io/config.ts'
import type { Environment } from '../command.ts'

export type Sourced = { readonly mapping: Mapping; readonly where: string }

/** All mappings that hold, by name. Throws where the configuration is broken. */
export function sourcedMappings(env: Environment): ReadonlyMap<string, Sourced> {
  const all = readSources(env).flatMap((source) =>
    mappingsOf(source).map((mapping) => [mapping.name, { mapping, where: source.where }] as const),
  )
  return new Map(all)
}

function mappingsOf(source: Source): readonly Mapping[] {
  return [...mergeConfig([source]).mappings.values()]
}
