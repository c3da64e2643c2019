/** Which engines here go to a name itself, and which authorities they trust for it. */

import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { getCACertificates } from 'node:tls'
import { type Truster, trustOf } from '../certificates/trust.ts'
import { readPlain } from '../io/plain-file.ts'
import { findProgram } from '../io/programs.ts'
import { leadsContainerd } from './containerd.ts'
import { isRewritten } from './podman.ts'
import { at, type Mapped, type Scene } from './scene.ts'

export type Clients = {
  /** Engines that connect to the name; the system alone where there is no engine. */
  readonly direct: readonly Truster[]
  /** Engines that were set up to pull from the registry itself. */
  readonly spared: readonly string[]
}

export function clientsOf({ host, mapping }: Mapped, scene: Scene): Clients {
  const has = (...programs: readonly string[]) =>
    programs.some((program) => findProgram(program, scene.env))
  const registry = mapping.registry.host
  const hasPodman = has('podman', 'buildah', 'skopeo')
  const sparesPodman = hasPodman && isRewritten(host, registry, scene)
  const spared = [
    ...(sparesPodman ? ['podman'] : []),
    ...(leadsContainerd(host, registry, scene) ? ['containerd'] : []),
  ]
  // A daemon elsewhere has certificates of its own.
  const isRemote = /^(tcp|ssh|https?):/.test(scene.env['DOCKER_HOST'] ?? '')
  const direct: Truster[] = [
    ...(has('docker') && !isRemote ? (['docker'] as const) : []),
    ...(hasPodman && !sparesPodman ? (['podman'] as const) : []),
  ]
  return { direct: direct.length + spared.length > 0 ? direct : ['system'], spared }
}

/** Where Go, and so the engines, look for the system's authorities. */
const BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
]

/** What an engine trusts for a name: what the system does, and its own files. */
export function authoritiesOf(truster: Truster, host: string, scene: Scene): readonly string[] {
  const bundle = BUNDLES.map((path) => at(scene, path)).find((path) => existsSync(path))
  const system = bundle ? [readPlain(bundle).toString('utf8')] : getCACertificates('system')
  if (truster === 'system') return system
  const own = folderOf(truster, host, scene)
  // podman and its like read docker's folder too: containers-certs.d(5).
  const folders = truster === 'podman' ? [own, folderOf('docker', host, scene)] : [own]
  return [...system, ...folders.flatMap(certificatesIn)]
}

function folderOf(truster: Truster, host: string, { root }: Scene): string {
  return dirname(trustOf(truster, host, root).file)
}

function certificatesIn(folder: string): readonly string[] {
  if (!existsSync(folder)) return []
  const names = readdirSync(folder).filter((name) => name.endsWith('.crt'))
  return names.flatMap((name) => {
    try {
      return [readPlain(join(folder, name)).toString('utf8')]
    } catch {
      // For an engine of this user it is not there either.
      return []
    }
  })
}
