/** Kubelet's credential providers: whether ours is there, and asked for our names. */

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { readPlain } from '../io/plain-file.ts'
import { findKubelet } from '../setup/kubelet-flags.ts'
import { type Finding, findingsOf } from './finding.ts'
import { runningOf } from './processes.ts'
import { at, type Mapped, type Scene } from './scene.ts'

const { skipped, broken } = findingsOf('kubelet')

/** Where kubelet looks: by its flags as it runs or would be started, else where distributions put them. */
type Place = { readonly config: string; readonly folder: string; readonly restart?: string }
const USUAL: readonly Place[] = [
  '/etc/kubernetes/image-credential-provider',
  '/etc/eks/image-credential-provider',
].flatMap((folder) =>
  ['config.json', 'config.yaml'].map((name) => ({ config: `${folder}/${name}`, folder })),
)

type Provider = { readonly name: string; readonly matchImages: readonly string[] }

export function checkKubelet(scene: Scene, mapped: readonly Mapped[]): Finding[] {
  const place =
    ofProcess(scene) ??
    ofService(scene) ??
    USUAL.find(({ config }) => existsSync(at(scene, config)))
  if (!place) return [skipped('no kubelet with credential providers is here')]
  const config = at(scene, place.config)
  const providers = readProviders(config)
  if (!providers) {
    return [
      broken('broken', {
        what: `${config} is no CredentialProviderConfig`,
        why: 'kubelet does not start with it',
        fix: `mend ${config}, or write it anew by: sudo ecr-cname setup kubelet`,
      }),
    ]
  }
  const ours = providers.filter(({ name }) => name.includes('ecr-cname'))
  const missing = ours.find(({ name }) => !existsSync(at(scene, join(place.folder, name))))
  if (missing) {
    const file = join(place.folder, missing.name)
    return [
      broken('provider-missing', {
        what: `${config} names ${missing.name}, and ${file} is not there`,
        why: 'kubelet does not start, or pulls without credentials: ImagePullBackOff',
        fix: `sudo install -m 755 "$(command -v ecr-cname)" ${file}`,
      }),
    ]
  }
  // Another provider may serve ECR's own names as well.
  const { restart = 'systemctl restart kubelet' } = place
  return mapped.map(({ host, rule }) =>
    ofHost(host, { providers: rule === 'ecr' ? providers : ours, config, restart }),
  )
}

type Asked = {
  readonly providers: readonly Provider[]
  readonly config: string
  readonly restart: string
}

function ofHost(host: string, { providers, config, restart }: Asked): Finding {
  const about = findingsOf('kubelet', host)
  const matching = providers.find(({ matchImages }) => matchImages.some((one) => covers(one, host)))
  if (matching) return about.ok(`${matching.name} in ${config} is asked`)
  return about.broken('not-asked', {
    what: `no matchImages of our provider in ${config} covers it`,
    why: 'kubelet pulls its images without credentials: ImagePullBackOff',
    fix: `sudo ecr-cname setup kubelet ${host} && sudo ${restart.replaceAll('&& ', '&& sudo ')}`,
  })
}

// One * stands for one label or a part of it, and a path behind the host narrows it.
function covers(pattern: string, host: string): boolean {
  const [own = ''] = pattern.replace(/^https?:\/\//, '').split('/')
  const [labels, asked] = [own.split('.'), host.split('.')]
  if (labels.length !== asked.length) return false
  return labels.every((label, index) => {
    const text = label.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'))
    return new RegExp(`^${text.join('.*')}$`).test(asked[index] ?? '')
  })
}

function ofProcess(scene: Scene): Place | undefined {
  const [kubelet] = runningOf(['kubelet'], scene)
  const config = flagOf('--image-credential-provider-config', kubelet?.args)
  const folder = flagOf('--image-credential-provider-bin-dir', kubelet?.args)
  return config && folder ? { config, folder } : undefined
}

function ofService(scene: Scene): Place | undefined {
  const { isRead, config, binaries, restart } = findKubelet((path) => at(scene, path))
  return isRead ? { config, folder: binaries, ...(restart && { restart }) } : undefined
}

function flagOf(name: string, args: readonly string[] = []): string | undefined {
  const index = args.findIndex((arg) => arg === name || arg.startsWith(`${name}=`))
  return args[index]?.split('=')[1] ?? (index === -1 ? undefined : args[index + 1])
}

function readProviders(file: string): readonly Provider[] | undefined {
  try {
    const { providers } = parse(readPlain(file).toString('utf8')) as {
      readonly providers?: unknown
    }
    if (!Array.isArray(providers)) return undefined
    return providers.map((one: { readonly name?: unknown; readonly matchImages?: unknown }) => ({
      name: String(one.name),
      matchImages: Array.isArray(one.matchImages) ? one.matchImages.map(String) : [],
    }))
  } catch {
    return undefined
  }
}
