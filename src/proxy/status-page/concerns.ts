/** What someone should look at. Pure. */

import type { History, Minute } from '../history.ts'
import { MINUTE_MS } from '../history.ts'
import type { NameState, State } from '../state.ts'
import { ago, count, counted, duration } from './words.ts'

/** Of what, how bad, and in words. */
export type Concern = {
  readonly name: string
  readonly about: 'certificate' | 'token' | 'registry' | 'requests'
  /** A problem fails requests by now; a warning will, or fails some. */
  readonly level: 'problem' | 'warning'
  readonly text: string
}

const DAY_MS = 24 * 60 * MINUTE_MS
const CERTIFICATE_MS = 14 * DAY_MS
const TOKEN_MS = 15 * MINUTE_MS
const FAILING_MINUTES = 5
const FAILING_SHARE = 0.05

/** All concerns, problems first. */
export function concernsOf(state: State, history: History, now: number): readonly Concern[] {
  const all = state.names.flatMap((one) => [
    ...upstreamConcerns(one, now),
    ...certificateConcerns(one, now),
    ...tokenConcerns(one, now),
    ...requestConcerns(one.name, minutesOf(history, one.name), now),
  ])
  const isProblem = ({ level }: Concern) => level === 'problem'
  return [...all.filter(isProblem), ...all.filter((one) => !isProblem(one))]
}

/** The minutes of a name; none where nothing was asked for. */
export function minutesOf(history: History, wanted: string): readonly Minute[] {
  return history.names.find(({ name }) => name === wanted)?.minutes ?? []
}

/** Whether the last that was heard of a registry is that it can't be reached. */
export function isFailing({ upstream: { answeredAt, failedAt } }: NameState): boolean {
  return failedAt !== undefined && (answeredAt === undefined || failedAt > answeredAt)
}

function upstreamConcerns(state: NameState, now: number): readonly Concern[] {
  const { name, registry, upstream } = state
  if (!isFailing(state)) return []
  const why = upstream.error === undefined ? '' : `: ${upstream.error}`
  const text = `${registry} could not be reached ${ago(upstream.failedAt ?? now, now)}${why}`
  return [{ name, about: 'registry', level: 'problem', text }]
}

function certificateConcerns({ name, certificate }: NameState, now: number): readonly Concern[] {
  if (!certificate) return []
  const { notBefore, notAfter } = certificate
  const about = 'certificate'
  if (now >= notAfter) {
    const text = `the certificate expired ${ago(notAfter, now)}; clients refuse it`
    return [{ name, about, level: 'problem', text }]
  }
  if (now < notBefore) {
    const text = `the certificate is not valid before ${duration(notBefore - now)} from now`
    return [{ name, about, level: 'problem', text }]
  }
  if (notAfter - now >= CERTIFICATE_MS) return []
  const text = `the certificate expires in ${duration(notAfter - now)}; renew it`
  return [{ name, about, level: 'warning', text }]
}

function tokenConcerns({ name, injects, token }: NameState, now: number): readonly Concern[] {
  if (!injects) return []
  if (!token) {
    const text = 'there is no token yet; if none comes, the log says why'
    return [{ name, about: 'token', level: 'warning', text }]
  }
  const left = token.expiresAt - now
  if (left <= 0) {
    const text = `the token expired ${ago(token.expiresAt, now)}, and there is no newer one`
    return [{ name, about: 'token', level: 'problem', text }]
  }
  if (left >= TOKEN_MS) return []
  const text = `the token expires in ${duration(left)}, and there is no newer one yet`
  return [{ name, about: 'token', level: 'warning', text }]
}

function requestConcerns(
  name: string,
  minutes: readonly Minute[],
  now: number,
): readonly Concern[] {
  const latest = minutes.filter(({ at }) => at > now - FAILING_MINUTES * MINUTE_MS)
  const requests = latest.reduce((sum, minute) => sum + minute.requests, 0)
  const errors = latest.reduce((sum, minute) => sum + minute.errors, 0)
  if (errors === 0 || errors / requests < FAILING_SHARE) return []
  const text = `${count(errors)} of ${counted(requests, 'request')} failed in the last ${FAILING_MINUTES} minutes`
  return [{ name, about: 'requests', level: 'warning', text }]
}
