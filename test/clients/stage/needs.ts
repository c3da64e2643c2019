/** What these tests need of a machine. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const PACKAGES = {
  aws: 'awscli',
  buildah: 'buildah',
  busybox: 'busybox-static',
  ctr: 'containerd',
  curl: 'curl',
  dnsmasq: 'dnsmasq-base',
  docker: 'docker.io',
  'docker-registry': 'docker-registry',
  dockerd: 'docker.io',
  ip: 'iproute2',
  iptables: 'iptables',
  podman: 'podman',
  runc: 'runc',
  script: 'bsdutils',
  skopeo: 'skopeo',
} as const

export type Program = keyof typeof PACKAGES

/** Why these programs can't be run in a world of their own on this machine, if so. */
export function reasonNotToRun(programs: readonly Program[]): string | undefined {
  if (process.platform !== 'linux') return 'these tests need Linux, for its namespaces'
  if (process.getuid?.() !== 0) return 'these tests need root, for namespaces of their own'
  const missing = programs.filter((program) => !isInstalled(program))
  if (missing.length === 0) return undefined
  const packages = new Set(missing.map((program) => PACKAGES[program]))
  return `${missing.join(', ')} missing: apt-get install ${[...packages].join(' ')}`
}

const isInstalled = (program: string) =>
  ['/usr/bin', '/usr/sbin', '/bin', '/sbin'].some((folder) => existsSync(join(folder, program)))
