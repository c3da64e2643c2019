/**
 * BuildKit: a mirror for each name, which it asks for credentials by that mirror's own host.
 * https://github.com/moby/buildkit/blob/master/docs/buildkitd.toml.md
 */

import type { Mapping } from '../domain/mapping.ts'
import type { Plan } from './plan.ts'
import { parseToml, readToml, setInToml, valueAt } from './toml.ts'

export type BuildkitSetup = { readonly file: string; readonly mappings: readonly Mapping[] }

/** What has to change so that builds follow the names. */
export function planBuildkit({ file, mappings }: BuildkitSetup): Plan {
  const before = readToml(file).text
  const after = mappings.reduce((text, mapping) => withMirror(file, text, mapping), before)
  return {
    changes: after === before ? [] : [{ path: file, content: Buffer.from(after) }],
    notes: [
      'buildkitd reads it when it starts',
      'a push goes to the name itself, not to its mirror: tag what is pushed with the ECR host, or run the sidecar',
    ],
    commands: [`docker buildx create --use --buildkitd-config ${file}`],
  }
}

function withMirror(path: string, text: string, { name, registry, prefix = '' }: Mapping): string {
  const table = ['registry', name]
  const mirror = `${registry.host}/${prefix}`.replace(/\/+$/, '')
  const given = valueAt(parseToml(path, text), [...table, 'mirrors'])
  const mirrors = Array.isArray(given) ? given.filter((one) => typeof one === 'string') : []
  if (mirrors.includes(mirror)) return text
  return setInToml({ path, text }, table, ['mirrors', [mirror, ...mirrors]])
}
