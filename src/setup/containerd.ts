/**
 * containerd: a hosts.toml for each name, and a main configuration that has them read.
 * https://github.com/containerd/containerd/blob/main/docs/hosts.md
 */

import { globSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { UserError } from '../domain/errors.ts'
import type { Mapping } from '../domain/mapping.ts'
import { type Change, contentOf, type Plan } from './plan.ts'
import { quote, readToml, setInToml, valueAt } from './toml.ts'

export type ContainerdSetup = {
  /** A path of that system, as this one has it. */
  readonly at: (path: string) => string
  readonly mappings: readonly Mapping[]
  /** The installed containerd's, such as 1 or 2; unknown where it can't be asked. */
  readonly major: number | undefined
}

const MAIN = '/etc/containerd/config.toml'
const HOSTS = '/etc/containerd/certs.d'

/** What has to change so that containerd, its CRI and nerdctl follow the names. */
export function planContainerd({ at, mappings, major }: ContainerdSetup): Plan {
  const { folder, changes, notes } = planFolder(at, major)
  const hosts = mappings.map((mapping) => ({
    path: join(at(folder), mapping.name, 'hosts.toml'),
    content: Buffer.from(toHosts(mapping)),
  }))
  const foreign = hosts.filter(({ path }) => !(contentOf(path)?.includes(OURS) ?? true))
  return {
    changes: [...hosts, ...changes],
    notes: [
      ...notes,
      ...foreign.map(({ path }) => `${path} is somebody's, and is replaced as a whole`),
      `containerd asks no credential helper: under Kubernetes kubelet brings the token (ecr-cname setup kubelet); for ctr give --hosts-dir ${folder} --user "AWS:$(ecr-cname token NAME)"`,
    ],
    commands: [],
    restart: changes.length > 0 ? 'systemctl restart containerd' : undefined,
  }
}

/** The first number of what `containerd --version` says, such as "containerd containerd.io v2.1.4 …". */
export function majorIn(said: string): number | undefined {
  const [, major] = /\sv?(\d+)\.\d+/.exec(said) ?? []
  return major === undefined ? undefined : Number(major)
}

const OURS = 'Made by: ecr-cname setup'

function toHosts({ name, registry, prefix }: Mapping): string {
  const path = prefix === undefined ? '' : `/v2/${prefix.replace(/\/+$/, '')}`
  const override = prefix === undefined ? '' : '  override_path = true\n'
  return `# ${OURS} containerd. Taken away by: ecr-cname setup containerd --undo
server = ${quote(`https://${name}`)}

[host.${quote(`https://${registry.host}${path}`)}]
  capabilities = ["pull", "resolve", "push"]
${override}`
}

/** The tables of the CRI's registries, by the version of the configuration. */
const TABLES: Readonly<Record<number, readonly string[]>> = {
  1: ['plugins', 'cri', 'registry'],
  2: ['plugins', 'io.containerd.grpc.v1.cri', 'registry'],
  3: ['plugins', 'io.containerd.cri.v1.images', 'registry'],
}

type Config = {
  readonly path: string
  readonly text: string
  readonly value: Readonly<Record<string, unknown>>
  readonly version: number
  readonly table: readonly string[]
  readonly registry: unknown
}

type FolderPlan = {
  /** Where the hosts go, as the configuration names it. */
  readonly folder: string
  readonly changes: readonly Change[]
  readonly notes: readonly string[]
}

function planFolder(at: ContainerdSetup['at'], major: number | undefined): FolderPlan {
  const configs = readConfigs(at, major)
  const main = configs[0]!
  const isOff = configs.some(({ value }) => disables(value['disabled_plugins']))
  // What is imported later counts.
  const setter = configs.findLast(({ registry }) => pathsOf(registry).length > 0)
  const paths = pathsOf(setter?.registry)
  const folder = paths[0] ?? HOSTS
  if (isOff) return { folder, changes: [], notes: [`${main.path} has the CRI disabled`] }
  // 2.2 takes a list for the name of one folder, in pulls by its transfer service.
  const isAsList = (major ?? 0) < 2 && setter?.version !== 3
  const isRead = paths.length === 1 || (paths.length > 1 && isAsList)
  if (isRead) return { folder, changes: [], notes: [] }
  const old = ['mirrors', 'configs'].find((key) =>
    configs.some(({ registry }) => hasKeys(valueAt(registry, [key]))),
  )
  if (old !== undefined) {
    const message = `${main.path}: registry.${old} and a folder of hosts exclude each other; move it to ${folder} first`
    throw new UserError('FILE', message)
  }
  const { path, text, version, table } = setter ?? main
  const start = text.trim() === '' ? `version = ${version}\n` : text
  const after = setInToml({ path, text: start }, table, ['config_path', folder])
  return { folder, changes: [{ path, content: Buffer.from(after) }], notes: [] }
}

function readConfigs(at: ContainerdSetup['at'], major: number | undefined): readonly Config[] {
  const main = readConfig(at(MAIN), major)
  const imports = main.value['imports']
  const patterns = Array.isArray(imports) ? imports.filter((one) => typeof one === 'string') : []
  const files = patterns.flatMap((pattern) =>
    globSync(pattern.startsWith('/') ? at(pattern) : join(dirname(at(MAIN)), pattern)).sort(),
  )
  return [main, ...files.map((path) => readConfig(path, major))]
}

function readConfig(path: string, major: number | undefined): Config {
  const { text, value } = readToml(path)
  const latest = major !== undefined && major >= 2 ? 3 : 2
  // Version 1 is what a file without one has; a new file says what it is.
  const version = Number(value['version'] ?? (text.trim() === '' ? latest : 1))
  const table = TABLES[version]
  if (!table || (version === 1 && latest === 3)) {
    const message = `${path}: version ${version} of the configuration is not known to this containerd; write it anew by: containerd config migrate`
    throw new UserError('FILE', message)
  }
  return { path, text, value, version, table, registry: valueAt(value, table) }
}

function pathsOf(registry: unknown): readonly string[] {
  const path = valueAt(registry, ['config_path'])
  return typeof path === 'string' ? path.split(':').filter(Boolean) : []
}

function disables(plugins: unknown): boolean {
  return (
    Array.isArray(plugins) &&
    plugins.some((one) => /^(io\.containerd\.grpc\.v1\.)?cri$/.test(String(one)))
  )
}

function hasKeys(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0
}
