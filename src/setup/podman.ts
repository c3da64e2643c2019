/**
 * podman, buildah, skopeo and CRI-O: a drop-in file that has a name pulled from the ECR host
 * itself, and our helper asked. No sidecar is needed: containers-registries.conf(5).
 */

import type { Mapping } from '../domain/mapping.ts'
import { contentOf, type Plan } from './plan.ts'
import { parseToml, quote, valueAt } from './toml.ts'

export type PodmanSetup = {
  /** The drop-in file, which is ours as a whole. */
  readonly file: string
  readonly mappings: readonly Mapping[]
  /** All files that are read now, the later ones winning. */
  readonly files: readonly string[]
}

/** The file's name: drop-ins are read in the order of their names, and the last one counts. */
export const DROP_IN = 'zz-ecr-cname.conf'

const OURS = 'ecr-cname'

/** What has to change so that containers/image follows the names. */
export function planPodman({ file, mappings, files }: PodmanSetup): Plan {
  const others = files.filter((path) => path !== file).map((path) => ({ path, ...read(path) }))
  const helpers = others.findLast((one) => one.helpers)?.helpers ?? [FILES]
  const asked = helpers.includes(OURS) ? helpers : [...helpers, OURS]
  const text = `# Made by: ecr-cname setup podman. Taken away by: ecr-cname setup podman --undo
credential-helpers = [${asked.map(quote).join(', ')}]
${mappings.map(toRegistry).join('')}`
  return {
    changes: [{ path: file, content: Buffer.from(text) }],
    notes: mappings.flatMap(({ name }) => {
      const other = others.find(({ names }) => names.includes(name))
      return other ? [`${other.path} speaks of ${name} too; ${file} comes after it and counts`] : []
    }),
    commands: [],
  }
}

// Stands for auth.json among the helpers, and is what is asked where none are named.
const FILES = 'containers-auth.json'

function read(path: string): {
  readonly helpers?: readonly string[]
  readonly names: readonly string[]
} {
  const config = parseToml(path, contentOf(path)?.toString('utf8') ?? '')
  const helpers = config['credential-helpers']
  const registries = Array.isArray(config['registry']) ? (config['registry'] as unknown[]) : []
  const names = registries.map((one) => valueAt(one, ['prefix']) ?? valueAt(one, ['location']))
  return {
    ...(Array.isArray(helpers) && { helpers: helpers.map(String) }),
    names: names.filter((name) => typeof name === 'string'),
  }
}

function toRegistry({ name, registry, prefix = '' }: Mapping): string {
  const location = `${registry.host}/${prefix}`.replace(/\/+$/, '')
  return `
[[registry]]
prefix = ${quote(name)}
location = ${quote(location)}
`
}
