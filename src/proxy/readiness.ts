/** Whether clients can be served: a token, a certificate and an upstream for every name. */

import type { Mapping } from '../domain/mapping.ts'
import type { News } from './news.ts'
import type { NameState, State, UpstreamState } from './state.ts'

/** One thing that has to be so. */
export type Check = {
  readonly name: string
  readonly check: 'token' | 'certificate' | 'upstream'
  readonly ok: boolean
  /** What is wrong. */
  readonly detail?: string
}

export type Readiness = { readonly ready: boolean; readonly checks: readonly Check[] }

/** How old an answer of a registry may be. */
const RECENT_MS = 60_000

/** Each check of each name. */
export function readinessOf({ names }: State, now: number): Readiness {
  const checks = names.flatMap((name) => [
    ...(name.injects ? [checkToken(name, now)] : []),
    ...(name.certificate ? [checkCertificate(name, name.certificate, now)] : []),
    checkUpstream(name, now),
  ])
  return { ready: checks.every(({ ok }) => ok), checks }
}

export type RefreshOptions = {
  readonly news: Pick<News, 'of' | 'knock'>
  /** Of each name: its registry, and its replicas where they are read from. */
  readonly sites: () => readonly (readonly Mapping[])[]
  readonly now: () => number
}

/** Asks registries that were not heard of lately, once for all who want to know. */
export function createRefresh({ news, sites, now }: RefreshOptions): () => Promise<void> {
  let asked: Promise<unknown> = Promise.resolve()
  let askedAt = -Infinity
  const knock = async (site: Mapping) => {
    // Long before it counts as old, so that it is not old by the time of the answer.
    if (isUp(news.of(site.registry.host), now(), RECENT_MS / 2)) return true
    await news.knock(site, KNOCK_MS)
    return isUp(news.of(site.registry.host), now(), RECENT_MS / 2)
  }
  const askAll = async ([first, ...replicas]: readonly Mapping[]) => {
    if (first && !(await knock(first))) await Promise.all(replicas.map(knock))
  }
  return async () => {
    if (now() - askedAt >= PAUSE_MS) {
      askedAt = now()
      asked = Promise.all(sites().map(askAll))
    }
    await asked
  }
}

const KNOCK_MS = 3000
const PAUSE_MS = 5000

function isUp(
  { answeredAt = -Infinity, failedAt = -Infinity }: UpstreamState,
  now: number,
  recentMs: number,
): boolean {
  return answeredAt >= failedAt && now - answeredAt <= recentMs
}

function checkToken({ name, token }: NameState, now: number): Check {
  const check = { name, check: 'token' } as const
  if (!token) return { ...check, ok: false, detail: 'there is none; the log says why' }
  if (token.expiresAt > now) return { ...check, ok: true }
  return { ...check, ok: false, detail: `it ended at ${toTime(token.expiresAt)}` }
}

function checkCertificate(
  { name }: NameState,
  { notBefore, notAfter }: NonNullable<NameState['certificate']>,
  now: number,
): Check {
  const check = { name, check: 'certificate' } as const
  if (now < notBefore) return { ...check, ok: false, detail: `it begins at ${toTime(notBefore)}` }
  if (now > notAfter) return { ...check, ok: false, detail: `it ended at ${toTime(notAfter)}` }
  return { ...check, ok: true }
}

function checkUpstream(state: NameState, now: number): Check {
  const { name, registry, upstream, replicaAnsweredAt = -Infinity } = state
  const { answeredAt = -Infinity, failedAt = -Infinity, error } = upstream
  const check = { name, check: 'upstream' } as const
  if (isUp(upstream, now, RECENT_MS) || now - replicaAnsweredAt <= RECENT_MS)
    return { ...check, ok: true }
  const detail = failedAt > answeredAt ? (error ?? 'it failed') : 'it was not asked lately'
  return { ...check, ok: false, detail: `${registry}: ${detail}` }
}

function toTime(ms: number): string {
  return new Date(ms).toISOString()
}
