/** What is kept of a request when it is over. Never a query, a header or a body. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { Mapping } from '../domain/mapping.ts'
import type { Place } from './place.ts'
import { Refusal, type RefusalCode } from './refusal.ts'

export type Access = {
  readonly method: string
  /** The Host, as the client sent it. */
  readonly name: string
  /** Where it came from: the client, or the load balancer before it. */
  readonly address?: string
  /** Who sent it, where the sidecar has clients of its own. */
  readonly client?: string
  readonly path: string
  /** What it was about; absent where no route was found. */
  readonly kind?: Place['kind']
  /** The host of the registry that is mapped to the name. */
  readonly registry?: string
  /** What the mapping puts before the repository. */
  readonly prefix?: string
  /** As the client named it, without the prefix of a mapping. */
  readonly repository?: string
  /** The tag or digest that it names. */
  readonly reference?: string
  /** The registry that answered in place of the first. */
  readonly replica?: string
  /** 499 when the client left before it had an answer. */
  readonly status: number
  readonly bytesReceived: number
  readonly bytesSent: number
  readonly ms: number
  /** Why the sidecar answered by itself. */
  readonly refusal?: RefusalCode
  readonly error?: string
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
  const started = now()
  // Asked now, for a socket that is closed no longer knows.
  const { remoteAddress: address = '' } = request.socket
  let failure: unknown
  let subject: Subject = {}
  let client = ''
  let replica = ''
  let bytesReceived = 0
  let bytesSent = 0
  onBegin?.()
  response.once('close', () => {
    const error = errorOf(failure, response)
    onAccess({
      method: request.method ?? '',
      name: request.headers.host ?? '',
      ...(address !== '' && { address }),
      ...(client !== '' && { client }),
      path: request.url?.split('?')[0] ?? '',
      ...subject,
      ...(replica !== '' && { replica }),
      status: response.headersSent ? response.statusCode : 499,
      bytesReceived,
      bytesSent,
      ms: now() - started,
      ...(failure instanceof Refusal && replica === '' && { refusal: failure.code }),
      ...(error !== undefined && { error }),
    })
  })
  return {
    failed: (error) => (failure ??= error),
    about: (mapping, place) => (subject = subjectOf(mapping, place)),
    from: (name) => (client = name),
    by: (host) => (replica = host),
    receiving: (body) => body.on('data', (chunk: Buffer) => (bytesReceived += chunk.length)),
    sending: (body) => body.on('data', (chunk: Buffer) => (bytesSent += chunk.length)),
    sent: (bytes) => (bytesSent += bytes),
  }
}

type Subject = Pick<Access, 'kind' | 'registry' | 'prefix' | 'repository' | 'reference'>

function subjectOf({ registry, prefix }: Mapping, place: Place): Subject {
  const { kind } = place
  const subject = { kind, registry: registry.host }
  if (!('repository' in place)) return subject
  const { repository, reference } = place
  return {
    ...subject,
    ...(prefix !== undefined && { prefix }),
    repository,
    // An upload's id, or the word "list", is none.
    ...(/^(manifests|blobs|referrers)$/.test(kind) && { reference }),
  }
}

function errorOf(failure: unknown, response: ServerResponse): string | undefined {
  if (failure instanceof Error) return withCause(failure)
  return response.writableFinished ? undefined : CLIENT_LEFT
}

function withCause({ message, cause }: Error): string {
  return cause instanceof Error ? `${message}: ${cause.message}` : message
}
