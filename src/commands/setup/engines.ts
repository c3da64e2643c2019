/** What each engine's setup needs of the configuration and of the system, and its plan. */

import { UserError } from '../../domain/errors.ts'
import type { Mapping } from '../../domain/mapping.ts'
import { loginName, readServerUrl } from '../../domain/names.ts'
import { configFiles } from '../../front/places.ts'
import { loadConfig } from '../../io/config.ts'
import { dockerConfigFile, readConfig } from '../../io/engine-configs.ts'
import { saveLogin } from '../../io/logins.ts'
import { loginsOf, planDocker } from '../../setup/docker.ts'
import type { Place } from '../../setup/place.ts'
import type { Plan } from '../../setup/plan.ts'
import type { World } from '../command.ts'
import { findTarget, readSetting } from '../registries.ts'
import type { Engine } from './help.ts'

/** A plan, and what is done beside files once it has been carried out. */
export type Planned = { readonly plan: Plan; readonly afterwards?: () => void }

export type Setting = {
  readonly place: Place
  /** As they were named; none for all of the configuration. */
  readonly hosts: readonly string[]
  readonly world: World
}

const PLANS: Readonly<Partial<Record<Engine, (setting: Setting) => Planned | Promise<Planned>>>> = {
  docker,
}

/** The plan of an engine. Throws a UserError where it can't be set up. */
export async function planFor(engine: Engine, setting: Setting): Promise<Planned> {
  const plan = PLANS[engine]
  if (!plan) throw new UserError('USAGE', `setup ${engine}: not there yet`)
  return await plan(setting)
}

/** The mappings that are to be set up: those named, or all with a plain name. */
export function mappingsOf({ place, hosts }: Setting): readonly Mapping[] {
  if (hosts.length === 0) {
    return [...loadConfig(place.env).mappings.values()].filter(({ name }) => !name.startsWith('*.'))
  }
  return hosts.map((host) => {
    const asked = readServerUrl(host)
    const target = asked && findTarget(asked, readSetting(asked, place.env))
    if (!target) {
      throw new UserError(
        'CONFIG',
        `${host}: no registry is mapped to it; first: ecr-cname map add ${host} ECR_HOST`,
      )
    }
    return { ...target.mapping, name: host }
  })
}

function docker(setting: Setting): Planned {
  const { place, hosts } = setting
  const { env } = place
  const file = dockerConfigFile(env)
  const named = hosts.length > 0 ? mappingsOf(setting).map(({ name }) => name) : []
  const plan = planDocker({ file, ownFile: configFiles(env).at(-1) ?? '', hosts: named })
  const logins = hosts.length > 0 ? [] : loginsOf(readConfig(file))
  const moved = logins.map(
    ({ serverUrl }) => `the login for ${serverUrl} is copied to where our helper keeps logins`,
  )
  return {
    plan: { ...plan, notes: [...plan.notes, ...moved] },
    afterwards: () => {
      for (const login of logins) {
        const asked = readServerUrl(login.serverUrl)
        if (asked) saveLogin({ name: loginName(asked, login.serverUrl), ...login }, env)
      }
    },
  }
}
