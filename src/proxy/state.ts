/** What is known, at a moment, of the names that a sidecar serves. Times in ms since 1970. */

import { type Figures, sampleOf } from './metrics.ts'

export type State = {
  readonly startedAt: number
  readonly workers: number
  readonly names: readonly NameState[]
}

export type NameState = {
  readonly name: string
  readonly registry: string
  /** The registries that reads go to when the first can't answer. */
  readonly replicas: readonly string[]
  /** The certificate that clients of this name are shown; none over plain HTTP. */
  readonly certificate?: { readonly notBefore: number; readonly notAfter: number }
  /** Whether the sidecar logs in to the registry itself. */
  readonly injects?: boolean
  /** The sidecar's own token, with `inject`. */
  readonly token?: { readonly mintedAt: number; readonly expiresAt: number }
  readonly upstream: UpstreamState
  /** When a replica last answered anything. */
  readonly replicaAnsweredAt?: number
}

export type UpstreamState = {
  /** When it last answered anything. */
  readonly answeredAt?: number
  /** When it last could not be reached, and why. */
  readonly failedAt?: number
  readonly error?: string
}

/** What several processes know together; they serve the same names. */
export function mergeStates([first, ...others]: readonly [State, ...State[]]): State {
  const all = [first, ...others]
  return {
    startedAt: Math.min(...all.map(({ startedAt }) => startedAt)),
    workers: all.reduce((sum, { workers }) => sum + workers, 0),
    names: first.names.map((known) =>
      all
        .flatMap(({ names }) => names.find(({ name }) => name === known.name) ?? [])
        .reduce(mergeNames, known),
    ),
  }
}

/** What of it can be measured. */
export function stateFigures({ startedAt, workers, names }: State, now: number): Figures {
  return {
    start_time_seconds: [sampleOf(startedAt / 1000)],
    workers: [sampleOf(workers)],
    upstream_answer_timestamp_seconds: names.flatMap(({ name, registry, upstream }) =>
      upstream.answeredAt === undefined
        ? []
        : sampleOf(upstream.answeredAt / 1000, { name, registry }),
    ),
    token_age_seconds: names.flatMap(({ name, registry, token }) =>
      token ? sampleOf((now - token.mintedAt) / 1000, { name, registry }) : [],
    ),
    token_expiry_timestamp_seconds: names.flatMap(({ name, registry, token }) =>
      token ? sampleOf(token.expiresAt / 1000, { name, registry }) : [],
    ),
    certificate_expiry_timestamp_seconds: names.flatMap(({ name, certificate }) =>
      certificate ? sampleOf(certificate.notAfter / 1000, { name }) : [],
    ),
  }
}

function mergeNames(one: NameState, other: NameState): NameState {
  const token = latest(one.token, other.token, (known) => known?.expiresAt)
  const { error } = latest(one.upstream, other.upstream, ({ failedAt }) => failedAt)
  const answeredAt = later(one.upstream.answeredAt, other.upstream.answeredAt)
  const failedAt = later(one.upstream.failedAt, other.upstream.failedAt)
  const replicaAnsweredAt = later(one.replicaAnsweredAt, other.replicaAnsweredAt)
  return {
    ...one,
    ...(token && { token }),
    upstream: {
      ...(answeredAt !== undefined && { answeredAt }),
      ...(failedAt !== undefined && { failedAt }),
      ...(error !== undefined && { error }),
    },
    ...(replicaAnsweredAt !== undefined && { replicaAnsweredAt }),
  }
}

function latest<T>(one: T, other: T, timeOf: (known: T) => number | undefined): T {
  return (timeOf(other) ?? 0) > (timeOf(one) ?? 0) ? other : one
}

function later(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.max(one, other)
}
