/** What is kept of a request when it is over. Never a query, a header or a body. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { Mapping } from '../domain/mapping.ts'
import type { Place } from './place.ts'
import { Refusal, type RefusalCode } from './refusal.ts'
import { withoutQuery } from './route.ts'

export type Access = {
  readonly method: string
  /** The Host, as the client sent it. */
  readonly name: string
  /** Where it came from: the client, or the load balancer before it. */
  readonly address?: string | undefined
  /** Who sent it, where the sidecar has clients of its own. */
  readonly client?: string | undefined
  readonly path: string
  /** What it was about; absent where no route was found. */
  readonly kind?: Place['kind'] | undefined
  /** The host of the registry that is mapped to the name. */
  readonly registry?: string | undefined
  /** What the mapping puts before the repository. */
  readonly prefix?: string | undefined
  /** As the client named it, without the prefix of a mapping. */
  readonly repository?: string | undefined
  /** The tag or digest that it names. */
  readonly reference?: string | undefined
  /** The registry that answered in place of the first. */
  readonly replica?: string | undefined
  /** 499 when the client left before it had an answer. */
  readonly status: number
  readonly bytesReceived: number
  readonly bytesSent: number
  readonly ms: number
  /** Why the sidecar answered by itself. */
  readonly refusal?: RefusalCode | undefined
  readonly error?: string | undefined
}

/** A request under way, observed. */
export type Observed = {
  readonly failed: (error: unknown) => void
  readonly about: (mapping: Mapping, place: Place) => void
  readonly from: (client: string) => void
  readonly by: (replica: string) => void
  /** Counts a body that is about to be piped: from here on it flows. */
  readonly receiving: (body: Readable) => void
  readonly sending: (body: Readable) => void
  /** Counts bytes of a body that is handed on in parts. */
  readonly sent: (bytes: number) => void
}

export type AccessOptions = {
  /** Milliseconds, for durations. */
  readonly now: () => number
  /** Told of each request as it begins; `onAccess` is told of the same one when it is over. */
  readonly onBegin?: () => void
  readonly onAccess: (access: Access) => void
}

/** The error of an answer that its client did not wait for. */
export const CLIENT_LEFT = 'the client left'

/** Observes a request until it is over, however it ends, and then reports it. */
export function observe(
  { now, onBegin, onAccess }: AccessOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Observed {
  const seen: Seen = {
    started: now(),
    // Asked now, for a socket that is closed no longer knows.
    address: request.socket.remoteAddress || undefined,
    client: undefined,
    mapping: undefined,
    place: undefined,
    replica: undefined,
    failure: undefined,
    bytesReceived: 0,
    bytesSent: 0,
  }
  onBegin?.()
  response.on('close', () => onAccess(accessOf(seen, request, response, now())))
  return {
    failed: (error) => (seen.failure ??= error),
    about(mapping, place) {
      seen.mapping = mapping
      seen.place = place
    },
    from: (client) => (seen.client = client || undefined),
    by: (replica) => (seen.replica = replica),
    receiving: (body) => body.on('data', (chunk: Buffer) => (seen.bytesReceived += chunk.length)),
    sending: (body) => body.on('data', (chunk: Buffer) => (seen.bytesSent += chunk.length)),
    sent: (bytes) => (seen.bytesSent += bytes),
  }
}

/** What is seen of a request that is under way. */
type Seen = {
  readonly started: number
  readonly address: string | undefined
  client: string | undefined
  mapping: Mapping | undefined
  place: Place | undefined
  replica: string | undefined
  failure: unknown
  bytesReceived: number
  bytesSent: number
}

// Each key every time, in the same order: what is told of every request is quick to read then.
function accessOf(
  seen: Seen,
  request: IncomingMessage,
  response: ServerResponse,
  now: number,
): Access {
  const { mapping, place, replica, failure } = seen
  const repository = repositoryOf(place)
  return {
    method: request.method ?? '',
    name: request.headers.host ?? '',
    address: seen.address,
    client: seen.client,
    path: withoutQuery(request.url ?? ''),
    kind: place?.kind,
    registry: mapping?.registry.host,
    prefix: repository === undefined ? undefined : mapping?.prefix,
    repository,
    reference: referenceOf(place),
    replica,
    status: response.headersSent ? response.statusCode : 499,
    bytesReceived: seen.bytesReceived,
    bytesSent: seen.bytesSent,
    ms: now - seen.started,
    refusal: failure instanceof Refusal && replica === undefined ? failure.code : undefined,
    error: errorOf(failure, response),
  }
}

function repositoryOf(place: Place | undefined): string | undefined {
  return place && 'repository' in place ? place.repository : undefined
}

// An upload's id, or the word "list", is none.
function referenceOf(place: Place | undefined): string | undefined {
  if (!place || !('repository' in place)) return undefined
  const { kind, reference } = place
  return kind === 'manifests' || kind === 'blobs' || kind === 'referrers' ? reference : undefined
}

function errorOf(failure: unknown, response: ServerResponse): string | undefined {
  if (failure instanceof Error) return withCause(failure)
  return response.writableFinished ? undefined : CLIENT_LEFT
}

function withCause({ message, cause }: Error): string {
  return cause instanceof Error ? `${message}: ${cause.message}` : message
}
