/**
 * podman, buildah, skopeo and CRI-O: a drop-in file that has a name pulled from the ECR host
 * itself, and our helper asked. No sidecar is needed: containers-registries.conf(5).
 */

import { basename, dirname } from 'node:path'
import type { Mapping } from '../domain/mapping.ts'
import type { Plan } from './plan.ts'
import { quote, readToml, valueAt } from './toml.ts'

export type PodmanSetup = {
  /** The drop-in file, which is ours as a whole. */
  readonly file: string
  readonly mappings: readonly Mapping[]
  /** All files that are read now, the later ones winning. */
  readonly files: readonly string[]
  /** Whether names of an earlier setup stay. */
  readonly isMore: boolean
}

/** The file's name: drop-ins are read in the order of their names, and the last one counts. */
export const DROP_IN = 'zz-ecr-cname.conf'

const OURS = 'ecr-cname'

/** What has to change so that containers/image follows the names. */
export function planPodman({ file, mappings, files, isMore }: PodmanSetup): Plan {
  const others = files.filter((path) => path !== file).map(read)
  const helpers = others.findLast((one) => one.helpers)?.helpers ?? [FILES]
  const asked = helpers.includes(OURS) ? helpers : [...helpers, OURS]
  const wanted = mappings.map(toEntry)
  const earlier = isMore ? read(file).entries : []
  const kept = earlier.filter(({ prefix }) => !wanted.some((one) => one.prefix === prefix))
  const text = `# Made by: ecr-cname setup podman. Taken away by: ecr-cname setup podman --undo
credential-helpers = [${asked.map(quote).join(', ')}]
${[...kept, ...wanted].map(toTable).join('')}`
  return {
    changes: [{ path: file, content: Buffer.from(text) }],
    notes: others.flatMap((other) => [...notesFor(other, { file, names: wanted })]),
    commands: [],
  }
}

// Stands for auth.json among the helpers, and is what is asked where none are named.
const FILES = 'containers-auth.json'

type Entry = { readonly prefix: string; readonly location: string }
type Conf = {
  readonly path: string
  readonly helpers?: readonly string[]
  readonly entries: readonly Entry[]
}

function read(path: string): Conf {
  const { value } = readToml(path)
  const helpers = value['credential-helpers']
  const registries = Array.isArray(value['registry']) ? (value['registry'] as unknown[]) : []
  return {
    path,
    ...(Array.isArray(helpers) && { helpers: helpers.map(String) }),
    entries: registries.map((one) => {
      const [location, prefix] = ['location', 'prefix'].map((key) => textAt(one, key))
      return { location: location ?? '', prefix: prefix ?? location ?? '' }
    }),
  }
}

function textAt(value: unknown, key: string): string | undefined {
  const text = valueAt(value, [key])
  return typeof text === 'string' ? text : undefined
}

function* notesFor(
  { path, helpers, entries }: Conf,
  { file, names }: { readonly file: string; readonly names: readonly Entry[] },
): Iterable<string> {
  const isLater = dirname(path) === dirname(file) && basename(path) > basename(file)
  const which = isLater
    ? `it comes after ${file}, and counts`
    : `${file} comes after it, and counts`
  for (const { prefix } of names) {
    if (entries.some((one) => one.prefix === prefix))
      yield `${path} speaks of ${prefix} too; ${which}`
  }
  if (isLater && helpers && !helpers.includes(OURS)) {
    yield `${path} names credential-helpers without ${OURS}; ${which}`
  }
}

function toEntry({ name, registry, prefix = '' }: Mapping): Entry {
  return { prefix: name, location: `${registry.host}/${prefix}`.replace(/\/+$/, '') }
}

function toTable({ prefix, location }: Entry): string {
  return `
[[registry]]
prefix = ${quote(prefix)}
location = ${quote(location)}
`
}
