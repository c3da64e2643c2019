/** The engines that keep logins: how each is logged in, and whether it asks our helper anyway. */

import {
  containersHelperPlace,
  dockerHelperPlace,
  helmHelperPlace,
} from '../../io/engine-configs.ts'
import { findProgram } from '../../io/programs.ts'
import type { World } from '../command.ts'
import { ENGINES } from './help.ts'

export type Engine = {
  readonly name: (typeof ENGINES)[number]
  /** What begins a login. */
  readonly verb: readonly string[]
  /** The place that names our helper for a host, if one does. */
  readonly helperPlace: (host: string, env: World['env']) => string | undefined
}

const LOGIN = ['login']
const KNOWN: Readonly<Record<Engine['name'], Omit<Engine, 'name'>>> = {
  docker: { verb: LOGIN, helperPlace: dockerHelperPlace },
  podman: { verb: LOGIN, helperPlace: containersHelperPlace },
  nerdctl: { verb: LOGIN, helperPlace: dockerHelperPlace },
  buildah: { verb: LOGIN, helperPlace: containersHelperPlace },
  skopeo: { verb: LOGIN, helperPlace: containersHelperPlace },
  oras: { verb: LOGIN, helperPlace: dockerHelperPlace },
  helm: { verb: ['registry', ...LOGIN], helperPlace: helmHelperPlace },
}

/** The engines of these names; without a name the first that is on PATH, if there is one. */
export function pickEngines(
  names: readonly string[] | undefined,
  env: World['env'],
): readonly Engine[] {
  const picked = names
    ? ENGINES.filter((name) => names.includes(name))
    : ENGINES.filter((name) => findProgram(name, env)).slice(0, 1)
  return picked.map((name) => ({ name, ...KNOWN[name] }))
}
