/** Where the files of a system stand: this one, or one below a folder. */

import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { geteuid } from 'node:process'
import { configFiles, type Environment, homeFolder } from '../front/places.ts'

export type Place = {
  /** A path of that system, as this one has it. */
  readonly at: (path: string) => string
  readonly root: string
  readonly isHere: boolean
  /** Whether it is set up for all users: by root, or from outside. */
  readonly isForAll: boolean
  /** The environment as it is there: configuration and homes are of that system. */
  readonly env: Environment
}

/** Our configuration for all users, which services read as well. */
export const SYSTEM_CONFIG = '/etc/ecr-cname/config.json'

/** The place below a root. */
export function placeOf(root: string, here: Environment): Place {
  const isHere = resolve(root) === '/'
  const at = (path: string) => (isHere ? path : join(resolve(root), path))
  const env = isHere ? here : below(at, here)
  return { at, root: resolve(root), isHere, isForAll: !isHere || geteuid?.() === 0, env }
}

/** Our own configuration there, of the user or of the system. */
export function ownConfig({ env, at }: Pick<Place, 'env' | 'at'>): string {
  return configFiles(env).at(-1) ?? at(SYSTEM_CONFIG)
}

/** Where the backups of an engine's setup are kept: beside our configuration. */
export function backupsOf(engine: string, isSystems: boolean, place: Place): string {
  const own = isSystems ? place.at(SYSTEM_CONFIG) : ownConfig(place)
  return join(dirname(own), 'setup', engine)
}

function below(at: Place['at'], here: Environment): Environment {
  const { PATH, HOME, ECR_CNAME_MAP } = here
  const system = at(SYSTEM_CONFIG)
  return {
    PATH,
    ECR_CNAME_MAP,
    HOME: at(homeFolder(here) || HOME || '/root'),
    ...(existsSync(system) && { ECR_CNAME_CONFIG: system }),
  }
}
