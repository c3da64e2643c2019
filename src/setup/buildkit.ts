/**
 * BuildKit: a mirror for each name, which it asks for credentials by that mirror's own host.
 * https://github.com/moby/buildkit/blob/master/docs/buildkitd.toml.md
 */

import { UserError } from '../domain/errors.ts'
import type { Mapping } from '../domain/mapping.ts'
import { contentOf, type Plan } from './plan.ts'
import { parseToml, setInTable, valueAt } from './toml.ts'

export type BuildkitSetup = { readonly file: string; readonly mappings: readonly Mapping[] }

/** What has to change so that builds follow the names. */
export function planBuildkit({ file, mappings }: BuildkitSetup): Plan {
  const before = contentOf(file)?.toString('utf8') ?? ''
  const after = mappings.reduce((text, mapping) => withMirror(file, text, mapping), before)
  return {
    changes: after === before ? [] : [{ path: file, content: Buffer.from(after) }],
    notes: [
      'a push goes to the name itself, not to its mirror: tag what is pushed with the ECR host, or run the sidecar',
    ],
    commands: [
      `buildctl and buildx take it when buildkitd starts: docker buildx create --buildkitd-config ${file}`,
    ],
  }
}

function withMirror(file: string, text: string, { name, registry, prefix = '' }: Mapping): string {
  const table = ['registry', name]
  const mirror = `${registry.host}/${prefix}`.replace(/\/+$/, '')
  const given = valueAt(parseToml(file, text), [...table, 'mirrors'])
  const mirrors = Array.isArray(given) ? given.filter((one) => typeof one === 'string') : []
  if (mirrors.includes(mirror)) return text
  const wanted = [mirror, ...mirrors]
  const after = setInTable(text, table, ['mirrors', wanted])
  const set = valueAt(parseToml(file, after), [...table, 'mirrors'])
  if (JSON.stringify(set) === JSON.stringify(wanted)) return after
  throw new UserError(
    'FILE',
    `${file}: set mirrors of [registry."${name}"] to ${wanted.join(', ')} by hand`,
  )
}
