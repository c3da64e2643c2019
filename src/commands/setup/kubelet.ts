/** `setup kubelet`: the provider's program and configuration in place, and the flags that turn it on. */

import { UserError } from '../../domain/errors.ts'
import { findKubelet } from '../../setup/kubelet-flags.ts'
import { planProviders, PROVIDER } from '../../setup/kubelet.ts'
import { ownProgram } from '../../setup/programs.ts'
import { allMappingsOf, forServices } from './names.ts'
import { type Planned, type Setting, versionOf } from './setting.ts'

export async function kubelet(setting: Setting): Promise<Planned> {
  const { place, hosts, flags, world } = setting
  const { config, binaries, changes, notes, restart } = findKubelet(place.at)
  const mappings = allMappingsOf(setting)
  const version = await kubeletVersion(setting)
  const podRoles = flags['pod-roles'] ?? false
  requireVersion(version, podRoles)
  const providers = planProviders({
    file: place.at(config),
    names: mappings.map(({ name }) => name),
    version,
    podRoles,
    isMore: hosts.length > 0,
  })
  return {
    plan: {
      changes: [
        {
          path: place.at(`${binaries}/${PROVIDER}`),
          content: ownProgram(world.self, place.isHere),
          mode: 0o755,
        },
        ...forServices(mappings, setting),
        ...providers,
        ...changes,
      ],
      notes,
      commands: [],
      restart,
    },
  }
}

type Version = readonly [number, number]

// `Kubernetes v1.34.2`, or `k3s version v1.34.2+k3s1`.
async function kubeletVersion(setting: Setting): Promise<Version | undefined> {
  for (const program of ['kubelet', 'k3s', 'rke2']) {
    const [, major, minor] = /\bv(\d+)\.(\d+)\./.exec(await versionOf(program, setting)) ?? []
    if (major !== undefined) return [Number(major), Number(minor)]
  }
  return undefined
}

function requireVersion(version: Version | undefined, podRoles: boolean): void {
  const [major, minor] = version ?? []
  if (major !== 1 || minor === undefined) return
  const least = podRoles ? 34 : 24
  if (minor >= least) return
  const what = podRoles ? "a pod's own role (--pod-roles)" : 'a credential provider'
  throw new UserError('USAGE', `kubelet is 1.${minor}, and ${what} takes 1.${least} or later`)
}
