/**
 * containerd: a hosts.toml for each name, and a main configuration that has them read.
 * https://github.com/containerd/containerd/blob/main/docs/hosts.md
 */

import { join } from 'node:path'
import { UserError } from '../domain/errors.ts'
import type { Mapping } from '../domain/mapping.ts'
import { type Change, contentOf, type Plan } from './plan.ts'
import { parseToml, quote, setInTable, valueAt } from './toml.ts'

export type ContainerdSetup = {
  /** The main configuration, which may not be there. */
  readonly file: string
  /** The folder of the hosts, as the configuration is to name it, and where it stands. */
  readonly hosts: { readonly named: string; readonly folder: string }
  readonly mappings: readonly Mapping[]
  /** The installed containerd's, such as 1 or 2; unknown where it can't be asked. */
  readonly major: number | undefined
}

/** What has to change so that containerd, its CRI and nerdctl follow the names. */
export function planContainerd({ file, hosts, mappings, major }: ContainerdSetup): Plan {
  const own = planMain(file, hosts.named, major)
  const files = mappings.map((mapping) => ({
    path: join(hosts.folder, mapping.name, 'hosts.toml'),
    content: Buffer.from(toHosts(mapping)),
  }))
  return {
    changes: [...files, ...own],
    notes: [
      'ctr reads the hosts with --hosts-dir only, and asks no credential helper: give it --user "AWS:$(ecr-cname token NAME)"',
    ],
    commands: own.length > 0 ? ['systemctl restart containerd'] : [],
  }
}

function toHosts({ name, registry, prefix }: Mapping): string {
  const path = prefix === undefined ? '' : `/v2/${prefix.replace(/\/+$/, '')}`
  const override = prefix === undefined ? '' : '  override_path = true\n'
  return `# Made by: ecr-cname setup containerd. Taken away by: ecr-cname setup containerd --undo
server = ${quote(`https://${name}`)}

[host.${quote(`https://${registry.host}${path}`)}]
  capabilities = ["pull", "resolve", "push"]
${override}`
}

/** The tables of the CRI's registries, by the version of the configuration. */
const TABLES: Readonly<Record<number, readonly string[]>> = {
  2: ['plugins', 'io.containerd.grpc.v1.cri', 'registry'],
  3: ['plugins', 'io.containerd.cri.v1.images', 'registry'],
}

function planMain(file: string, folder: string, major: number | undefined): readonly Change[] {
  const before = contentOf(file)?.toString('utf8') ?? ''
  const config = parseToml(file, before)
  // Version 1 is what a file without one has, and containerd 2 reads no other than 2 and 3.
  const version = Number(config['version'] ?? (before.trim() === '' ? (major === 2 ? 3 : 2) : 1))
  const table = TABLES[version]
  if (!table) {
    const message = `${file}: version ${version} of the configuration can't name a folder of hosts in all versions of containerd; write it anew by: containerd config migrate`
    throw new UserError('FILE', message)
  }
  const registry = valueAt(config, table)
  const path = valueAt(registry, ['config_path'])
  if (typeof path === 'string' && path.split(':').includes(folder)) return []
  // Its own default has it read; an empty file or none leaves that as it is.
  if (version === 3 && path === undefined) return []
  const old = ['mirrors', 'configs'].find((key) => hasKeys(valueAt(registry, [key])))
  if (old !== undefined) {
    const message = `${file}: registry.${old} and a folder of hosts exclude each other; move it to ${folder} first`
    throw new UserError('FILE', message)
  }
  const paths = typeof path === 'string' && path !== '' ? `${path}:${folder}` : folder
  const start = config['version'] === undefined ? `version = ${version}\n${before}` : before
  const after = setInTable(start, table, ['config_path', paths])
  if (valueAt(parseToml(file, after), [...table, 'config_path']) !== paths) {
    throw new UserError(
      'FILE',
      `${file}: set config_path of [${table.join('.')}] to ${paths} by hand`,
    )
  }
  return [{ path: file, content: Buffer.from(after) }]
}

function hasKeys(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0
}
