/** What each engine's setup needs of the configuration and of the system, and its plan. */

import { findAuthority } from '../../certificates/folder.ts'
import { trustOf } from '../../certificates/trust.ts'
import type { Mapping } from '../../domain/mapping.ts'
import { loginName, readServerUrl } from '../../domain/names.ts'
import { type Environment, homeFolder } from '../../front/places.ts'
import { dockerConfigFile, readConfig, registriesFiles } from '../../io/engine-configs.ts'
import { saveLogin } from '../../io/logins.ts'
import { findProgram } from '../../io/programs.ts'
import { planBuildkit } from '../../setup/buildkit.ts'
import { majorIn, planContainerd } from '../../setup/containerd.ts'
import { loginsOf, planDocker } from '../../setup/docker.ts'
import { ownConfig } from '../../setup/place.ts'
import type { Change, Plan } from '../../setup/plan.ts'
import { DROP_IN, planPodman } from '../../setup/podman.ts'
import { certificateFolder } from '../../certificates/places.ts'
import { dcos } from './dcos.ts'
import type { Engine } from './help.ts'
import { kubelet } from './kubelet.ts'
import { allMappingsOf, mappingsOf, withIdentities } from './names.ts'
import { type Planned, type Setting, versionOf } from './setting.ts'

const PLANS: Readonly<Record<Engine, (setting: Setting) => Planned | Promise<Planned>>> = {
  docker,
  podman,
  containerd,
  buildkit,
  kubelet,
  dcos,
}

/** Of each engine one has to be there, or it is said that none is. */
const PROGRAMS: Readonly<Record<Engine, readonly string[]>> = {
  docker: ['docker', 'nerdctl'],
  podman: ['podman', 'buildah', 'skopeo', 'crio'],
  containerd: ['containerd'],
  buildkit: ['buildkitd', 'buildctl', 'docker'],
  kubelet: ['kubelet', 'k3s', 'rke2'],
  dcos: ['mesos-agent', '/opt/mesosphere/bin/mesos-agent'],
}

/** The plan of an engine. Throws a UserError where it can't be set up. */
export async function planFor(engine: Engine, setting: Setting): Promise<Planned> {
  const planned = await PLANS[engine](setting)
  const { place, world, flags } = setting
  const programs = PROGRAMS[engine]
  const isThere = programs.some((program) => findProgram(program, world.env))
  if (!place.isHere || flags.marathon !== undefined || isThere) return planned
  const note = `none is here of ${programs.join(', ')}: what is written counts once there is one`
  return { ...planned, plan: { ...planned.plan, notes: [...planned.plan.notes, note] } }
}

function podman(setting: Setting): Planned {
  const { env, at, isForAll } = setting.place
  const folder = isForAll ? at('/etc/containers') : `${configHome(env)}/containers`
  const mappings = mappingsOf(setting)
  const plan = planPodman({
    file: `${folder}/registries.conf.d/${DROP_IN}`,
    mappings,
    files: registriesFiles(env, at('/etc/containers')),
    isMore: setting.hosts.length > 0,
  })
  return { plan: withIdentities(plan, mappings, setting) }
}

async function containerd(setting: Setting): Promise<Planned> {
  const { at } = setting.place
  const major = majorIn(await versionOf('containerd', setting))
  return { plan: planContainerd({ at, mappings: mappingsOf(setting), major }) }
}

function buildkit(setting: Setting): Planned {
  const { env, at, isForAll } = setting.place
  const mappings = mappingsOf(setting)
  const folder = isForAll ? at('/etc/buildkit') : `${configHome(env)}/buildkit`
  const plan = planBuildkit({ file: `${folder}/buildkitd.toml`, mappings })
  return { plan: withIdentities(plan, mappings, setting) }
}

function configHome(env: Environment): string {
  return env['XDG_CONFIG_HOME'] || `${homeFolder(env)}/.config`
}

async function docker(setting: Setting): Promise<Planned> {
  const { place, hosts } = setting
  const { env } = place
  const file = dockerConfigFile(env)
  const named = hosts.length > 0 ? mappingsOf(setting).map(({ name }) => name) : []
  const plan = planDocker({ file, ownFile: ownConfig(place), hosts: named })
  const logins = hosts.length > 0 ? [] : loginsOf(readConfig(file))
  const moved = logins.map(
    ({ serverUrl }) => `the login for ${serverUrl} is copied to where our helper keeps logins`,
  )
  const { changes, notes } = await trust(setting)
  return {
    plan: {
      ...plan,
      changes: [...plan.changes, ...changes],
      notes: [...plan.notes, ...moved, ...notes, nextOf(allMappingsOf(setting))].filter(Boolean),
    },
    afterwards: () => {
      for (const login of logins) {
        const asked = readServerUrl(login.serverUrl)
        if (asked) saveLogin({ name: loginName(asked, login.serverUrl), ...login }, env)
      }
    },
  }
}

// What else a pull needs; nothing where ECR's own names are all there is.
function nextOf(mappings: readonly Mapping[]): string {
  if (mappings.length === 0) {
    return "no name is mapped, so only ECR's own names are served; next: ecr-cname map add HOST ECR_HOST"
  }
  const [own] = mappings.filter(({ name, registry }) => name !== registry.host)
  if (!own) return ''
  return `docker goes to the name itself, where a sidecar has to serve it; whether one does, says: ecr-cname doctor ${own.name}`
}

// docker follows no other name by itself, and so meets the sidecar's certificate.
async function trust(setting: Setting): Promise<Pick<Plan, 'changes' | 'notes'>> {
  const { root, env, isForAll } = setting.place
  const folder = certificateFolder(env)
  const authority = findAuthority(folder)
  if (authority === undefined) return { changes: [], notes: [] }
  const { covers, zonesOf } = await import('../../certificates/issue.ts')
  const zones = zonesOf(authority)
  const names = allMappingsOf(setting).map(({ name }) => name)
  const covered = names.filter((name) => !name.startsWith('*.') && covers(zones, hostIn(name)))
  if (!isForAll) {
    const notes = covered.map(
      (name) =>
        `docker has to trust the authority in ${folder}: sudo ecr-cname cert ${name} --dir ${folder} --install --for docker`,
    )
    return { changes: [], notes }
  }
  const changes = covered.map((name): Change => {
    const { file } = trustOf('docker', name, root)
    return { path: file, content: Buffer.from(authority), mode: 0o644 }
  })
  return { changes, notes: [] }
}

function hostIn(name: string): string {
  return name.replace(/:\d+$/, '')
}
