/** What each engine's setup needs of the configuration and of the system, and its plan. */

import { UserError } from '../../domain/errors.ts'
import type { Mapping } from '../../domain/mapping.ts'
import { loginName, readServerUrl } from '../../domain/names.ts'
import { configFiles, type Environment, homeFolder } from '../../front/places.ts'
import { loadConfig } from '../../io/config.ts'
import { dockerConfigFile, readConfig, registriesFiles } from '../../io/engine-configs.ts'
import { editJson } from '../../io/json-edit.ts'
import { readJsonFile } from '../../io/json-file.ts'
import { saveLogin } from '../../io/logins.ts'
import { findProgram, runProgram, withoutSecrets } from '../../io/programs.ts'
import { planBuildkit } from '../../setup/buildkit.ts'
import { planContainerd } from '../../setup/containerd.ts'
import { loginsOf, planDocker } from '../../setup/docker.ts'
import { DROP_IN, planPodman } from '../../setup/podman.ts'
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
  podman,
  containerd,
  buildkit,
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

function podman(setting: Setting): Planned {
  const { env, at, isForAll } = setting.place
  const folder = isForAll ? at('/etc/containers') : `${configHome(env)}/containers`
  const mappings = mappingsOf(setting)
  const files = registriesFiles(env, at('/etc/containers'))
  const plan = planPodman({ file: `${folder}/registries.conf.d/${DROP_IN}`, mappings, files })
  return { plan: withIdentities(plan, mappings, env) }
}

async function containerd(setting: Setting): Promise<Planned> {
  const { at } = setting.place
  const mappings = mappingsOf(setting)
  const plan = planContainerd({
    file: at('/etc/containerd/config.toml'),
    hosts: { named: HOSTS, folder: at(HOSTS) },
    mappings,
    major: await containerdMajor(setting),
  })
  return { plan: withIdentities(plan, mappings, setting.place.env) }
}

const HOSTS = '/etc/containerd/certs.d'

// `containerd containerd.io 2.1.4 <commit>`, or github.com/containerd/containerd 1.6.20~ds1.
async function containerdMajor({ place, world }: Setting): Promise<number | undefined> {
  const program = place.isHere ? findProgram('containerd', world.env) : undefined
  const ended =
    program && (await runProgram(program, ['--version'], { env: withoutSecrets(world.env) }))
  const [, major] = /\sv?(\d+)\.\d+/.exec((ended && ended.stdout) || '') ?? []
  return major === undefined ? undefined : Number(major)
}

function buildkit(setting: Setting): Planned {
  const { env, at, isForAll } = setting.place
  const mappings = mappingsOf(setting)
  const folder = isForAll ? at('/etc/buildkit') : `${configHome(env)}/buildkit`
  const plan = planBuildkit({ file: `${folder}/buildkitd.toml`, mappings })
  return { plan: withIdentities(plan, mappings, env) }
}

function configHome(env: Environment): string {
  return env['XDG_CONFIG_HOME'] || `${homeFolder(env)}/.config`
}

// These engines ask by the ECR host, so what the name says of the identity is said of that too.
function withIdentities(plan: Plan, mappings: readonly Mapping[], env: Environment): Plan {
  const path = configFiles(env).at(-1) ?? ''
  const own = loadConfig(env).mappings
  const wanted = mappings.filter(
    ({ name, registry }) => name !== registry.host && !own.has(registry.host),
  )
  const text = readJsonFile(path)?.text ?? '{}\n'
  const edits = wanted.flatMap((mapping) => {
    const identity = identityOf(mapping)
    const at = ['registries', mapping.registry.host]
    return identity ? [{ path: at, value: identity }] : []
  })
  if (edits.length === 0) return plan
  const content = Buffer.from(editJson(text, edits))
  return { ...plan, changes: [...plan.changes, { path, content, mode: 0o600 }] }
}

function identityOf({ profile, roleArn, roleSessionName, externalId }: Mapping) {
  if (!profile && !roleArn) return undefined
  return {
    ...(profile && { profile }),
    ...(roleArn && { roleArn }),
    ...(roleSessionName && { roleSessionName }),
    ...(externalId && { externalId }),
  }
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
