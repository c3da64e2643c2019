/** What an examination is given of the world. */

import { join, resolve } from 'node:path'
import type { UserError } from '../domain/errors.ts'
import type { Mapping } from '../domain/mapping.ts'
import type { Asked } from '../domain/server-url.ts'
import type { Environment } from '../front/places.ts'

export type Login = { readonly username: string; readonly secret: string }

export type Scene = {
  readonly env: Environment
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Whether nothing may be asked of any network. */
  readonly isOffline: boolean
  /** Below which the files of engines and the processes stand. */
  readonly root: string
  /** Path and leading arguments that start this program again, and its version. */
  readonly self: readonly string[]
  readonly version: string
  /** The names that are examined. */
  readonly subjects: readonly Subject[]
  /** Has docker ask our helper for a host, as `setup docker HOST` does. */
  readonly setUpDocker: (host: string) => Promise<void>
}

/** A name, and what stands behind it. */
export type Subject = {
  /** As clients name it: with its port, if it has one. */
  readonly host: string
  readonly asked: Asked
  /** A repository that is to be pulled, where one was named. */
  readonly repository?: string
  readonly mapping?: Mapping
  /** How the mapping was found. */
  readonly rule?: Rule
  /** The login that is kept for it, answered in place of a token. */
  readonly login?: Login
  /** Why none could be looked for. */
  readonly failure?: UserError
}

export type Rule = 'exact' | 'wildcard' | 'ecr' | 'dns'

/** A subject that is known to be ours. */
export type Mapped = Subject & { readonly mapping: Mapping }

/** No one thing that is asked of a network takes longer. */
export const PATIENCE_MS = 4000

/** A path of the engines' system, as this one has it. */
export function at({ root }: Pick<Scene, 'root'>, path: string): string {
  return resolve(root) === '/' ? path : join(resolve(root), path)
}
