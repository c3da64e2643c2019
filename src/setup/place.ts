/** Where the files of a system stand: this one, or one below a folder. */

import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { getuid } from 'node:process'
import { configFiles, type Environment, homeFolder } from '../front/places.ts'

export type Place = {
  /** A path of that system, as this one has it. */
  readonly at: (path: string) => string
  readonly isHere: boolean
  /** Whether it is set up for all users: by root, or from outside. */
  readonly isForAll: boolean
  /** The environment as it is there: configuration and homes are of that system. */
  readonly env: Environment
  /** Where the backups of an engine's setup are kept. */
  readonly backupsOf: (engine: string) => string
}

/** The place below a root. */
export function placeOf(root: string, here: Environment): Place {
  const isHere = resolve(root) === '/'
  const at = (path: string) => (isHere ? path : join(resolve(root), path))
  const env = isHere ? here : below(at, here)
  const own = configFiles(env).at(-1) ?? at('/etc/ecr-cname/config.json')
  const isForAll = !isHere || getuid?.() === 0
  return { at, isHere, isForAll, env, backupsOf: (engine) => join(dirname(own), 'setup', engine) }
}

function below(at: Place['at'], here: Environment): Environment {
  const { PATH, HOME, ECR_CNAME_MAP } = here
  const system = at('/etc/ecr-cname/config.json')
  return {
    PATH,
    ECR_CNAME_MAP,
    HOME: at(homeFolder(here) || HOME || '/root'),
    ...(existsSync(system) && { ECR_CNAME_CONFIG: system }),
  }
}
