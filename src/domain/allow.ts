/** What each client of the sidecar may do, by repository. */

import { fields, list, type Place, text, wrong } from './checks.ts'
import { covers } from './glob.ts'

export type Right = 'pull' | 'push'

/** `team-a/*:pull,push`: rights in every repository that a pattern covers. */
export type AllowRule = { readonly pattern: string; readonly rights: readonly Right[] }

/** Rules by client; those of `*` are for every client that is not named. */
export type Allow = ReadonlyMap<string, readonly AllowRule[]>

/** Reads `{"alice": ["team-a/*:pull,push", "*:pull"]}`. */
export function readAllow(place: Place): Allow {
  return new Map(fields(place).map((entry) => [entry.name, list(entry, readRule)]))
}

/** Whether a client has one of the rights in a repository. What no rule gives is refused. */
export function isAllowed(
  allow: Allow,
  client: string,
  { repository, rights }: { readonly repository: string; readonly rights: readonly Right[] },
): boolean {
  const rules = allow.get(client) ?? allow.get('*') ?? []
  return rules.some(
    (rule) =>
      covers(rule.pattern, repository) && rights.some((right) => rule.rights.includes(right)),
  )
}

function readRule(place: Place): AllowRule {
  const [, pattern, rights] =
    /^([a-z0-9._/*-]+):((?:pull|push)(?:,(?:pull|push))*)$/.exec(text(place)) ?? []
  if (!pattern || !rights) return wrong(place, 'a rule such as "team-a/*:pull,push"')
  return { pattern, rights: rights.split(',') as Right[] }
}
