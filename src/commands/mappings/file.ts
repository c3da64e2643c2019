/** The configuration file that `map` changes: read, edited and checked before it is written. */

import { mergeConfig } from '../../domain/config.ts'
import { UserError } from '../../domain/errors.ts'
import type { Mapping } from '../../domain/mapping.ts'
import { configFiles, type Environment } from '../../front/places.ts'
import { parseJson } from '../../io/config.ts'
import { editJson, type JsonEdit } from '../../io/json-edit.ts'
import { changeJsonFile, type JsonFile, readJsonFile } from '../../io/json-file.ts'
import type { World } from '../command.ts'
import { nameIn } from './names.ts'

/** A value under `registries`: an ECR host, or an object that says more. */
export type Written = string | Readonly<Record<string, string>>

export type MapFile = {
  readonly path: string
  /** The mappings of this file alone. */
  readonly mappings: ReadonlyMap<string, Mapping>
  /** Puts mappings in and takes others out; what else stands there stays. */
  readonly change: (put: ReadonlyMap<string, Written>, drop?: readonly string[]) => Promise<void>
}

const SYSTEM = '/etc/ecr-cname/config.json'

/** The file to change. Throws a UserError where it is broken: then nothing is written. */
export function openMapFile({ env, now }: Pick<World, 'env' | 'now'>, isSystem: boolean): MapFile {
  const path = isSystem ? SYSTEM : pathFor(env)
  return {
    path,
    mappings: check(path, textOf(readJsonFile(path))),
    // Read anew: somebody was perhaps asked since, while another changed it.
    async change(put, drop) {
      await changeJsonFile(path, { now, newMode: isSystem ? 0o644 : 0o600 }, (file) =>
        withMappings({ path, text: textOf(file) }, put, drop),
      )
    },
  }
}

function textOf(file: JsonFile | undefined): string {
  return file?.text ?? '{}\n'
}

/** The text of a configuration with mappings put in and others taken out. Throws where it is broken. */
export function withMappings(
  { path, text }: { readonly path: string; readonly text: string },
  put: ReadonlyMap<string, Written>,
  drop: readonly string[] = [],
): string {
  const next = editJson(text, editsFor(parseJson(path, text), put, drop))
  check(path, next)
  return next
}

function pathFor(env: Environment): string {
  const files = configFiles(env)
  const own = files.at(-1)
  if (own && own !== SYSTEM) return own
  throw new UserError('USAGE', 'there is no home, and so no file of the user; give --system')
}

function check(where: string, text: string): ReadonlyMap<string, Mapping> {
  return mergeConfig([{ where, value: parseJson(where, text) }]).mappings
}

function editsFor(
  value: unknown,
  put: ReadonlyMap<string, Written>,
  drop: readonly string[],
): readonly JsonEdit[] {
  const top = value as Readonly<Record<string, unknown>>
  const isPlain = Object.keys(top).length > 0 && Object.keys(top).every((key) => key.includes('.'))
  const registries = (isPlain ? top : (top['registries'] ?? {})) as Readonly<
    Record<string, unknown>
  >
  const keysOf = (name: string): readonly string[] =>
    Object.keys(registries).filter((key) => nameIn(key) === name)
  const changes = [
    ...drop.flatMap((name) => keysOf(name).map((key) => [key, undefined] as const)),
    ...[...put].map(([name, written]) => [keysOf(name)[0] ?? name, written] as const),
  ]
  const isSimple = changes.every(
    ([key, written]) => key.includes('.') && typeof written !== 'object',
  )
  if (isPlain && isSimple) return changes.map(([key, written]) => ({ path: [key], value: written }))
  if (!isPlain)
    return changes.map(([key, written]) => ({ path: ['registries', key], value: written }))
  // A file of names and hosts alone has no place for more, nor for a name without a dot.
  const moved = { ...registries, ...Object.fromEntries(changes) }
  const gone = Object.keys(top).map((key) => ({ path: [key], value: undefined }))
  return [...gone, { path: ['registries'], value: moved }]
}
