/** Blobs on their way up: skipped where they are, mounted where they may be, else sent. */

import { UserError } from '../domain/errors.ts'
import type { Ask, Client } from './client.ts'
import { codeOf } from './codes.ts'
import type { Body } from './connection.ts'
import { shortOf } from './digest.ts'
import { pourPlace, type Span } from './files.ts'
import type { Outcome, Report } from './progress.ts'
import { RegistryError } from './refusal.ts'
import { Passing } from './retry.ts'
import type { Blob } from './source.ts'
import type { Incoming } from './taker.ts'

export type Upload = {
  readonly client: Client
  readonly repository: string
  readonly blob: Blob
  /** Repositories of the same registry that may have it. */
  readonly mountFrom: readonly string[]
  readonly report: Report
  readonly signal: AbortSignal
}

// A blob that is larger goes up in parts, so that a cut costs one of them. ECR wants 5 MiB at
// least, and 4,200 of them at most (ecr.md: quotas).
const PART_SIZE = 64 * 1024 * 1024
const MOST_PARTS = 4000

/** Has a blob in the registry, whole and under its digest. */
export async function uploadBlob(upload: Upload): Promise<void> {
  const { client, blob, report, signal } = upload
  const counted = { bytes: 0 }
  const onRetry = (reason: string, waitMs: number) =>
    report({ kind: 'retry', digest: blob.digest, reason, waitMs })
  const how = await client.retrying(
    async () => {
      report({ kind: 'bytes', digest: blob.digest, bytes: -counted.bytes })
      counted.bytes = 0
      return await attempt(upload, (bytes) => {
        counted.bytes += bytes
        report({ kind: 'bytes', digest: blob.digest, bytes })
      })
    },
    { signal, onRetry },
  )
  report({ kind: 'done', digest: blob.digest, how })
}

type OnBytes = (bytes: number) => void

async function attempt(upload: Upload, onBytes: OnBytes): Promise<Outcome> {
  if (await isThere(upload)) return 'present'
  const opened = await open(upload)
  if (opened === undefined) return 'mounted'
  try {
    await send(upload, opened, onBytes)
  } catch (error) {
    if (error instanceof RegistryError) throw explainLost(error, upload.blob)
    throw error
  }
  return 'uploaded'
}

async function isThere({ client, repository, blob, signal }: Upload): Promise<boolean> {
  const path = `blobs/${blob.digest}`
  const answer = await client.askOnce({
    method: 'HEAD',
    repository,
    path,
    expect: [200, 404],
    signal,
  })
  answer.skip()
  return answer.status === 200
}

/** Where it is to be sent; nowhere, where it could be mounted. */
async function open(upload: Upload): Promise<string | undefined> {
  const { client, repository, blob, mountFrom, signal } = upload
  const prefix = client.prefix()
  const queries = mountFrom.map(
    (from) => `?mount=${blob.digest}&from=${encodeURIComponent(`${prefix}${from}`)}`,
  )
  let location = ''
  for (const query of queries.length > 0 ? queries : ['']) {
    const path = `blobs/uploads/${query}`
    const ask: Ask = { method: 'POST', repository, path, expect: [201, 202], signal, ...EMPTY }
    const answer = await askToOpen(upload, ask)
    answer.skip()
    if (answer.status === 201) return undefined
    location = answer.headers.location ?? ''
  }
  if (location === '')
    throw new UserError('REGISTRY', `${repository}: the registry opens no upload`)
  return client.targetOf(location)
}

const EMPTY = { headers: { 'Content-Length': 0 } } as const

// ECR drops the connection, without an answer, where there is no such repository.
async function askToOpen({ client, repository, signal }: Upload, ask: Ask): Promise<Incoming> {
  try {
    return await client.askOnce(ask)
  } catch (error) {
    if (!/^(ECONNRESET|EPIPE)$/.test(codeOf(error))) throw error
    const path = 'tags/list?n=1'
    try {
      const answer = await client.askOnce({
        method: 'GET',
        repository,
        path,
        expect: [200],
        signal,
      })
      answer.skip()
    } catch (absent) {
      if (absent instanceof RegistryError && absent.word === 'NAME_UNKNOWN') throw absent
    }
    throw error
  }
}

async function send(upload: Upload, target: string, onBytes: OnBytes): Promise<void> {
  const { size } = upload.blob
  if (size <= PART_SIZE) return await finish(upload, target, { from: 0, length: size }, onBytes)
  const step = Math.max(PART_SIZE, Math.ceil(size / MOST_PARTS))
  let next = target
  let from = 0
  for (; from < size; from += step) {
    next = await sendPart(upload, next, { from, length: Math.min(step, size - from) }, onBytes)
  }
  await finish(upload, next, { from: size, length: 0 }, onBytes)
}

async function sendPart(
  { client, repository, blob, signal }: Upload,
  target: string,
  span: Span,
  onBytes: OnBytes,
): Promise<string> {
  const last = span.from + span.length - 1
  const answer = await client.ask({
    method: 'PATCH',
    repository,
    path: '',
    target,
    headers: { ...bodyHeaders(span), 'Content-Range': `${span.from}-${last}` },
    body: () => bodyOf(blob, span, onBytes),
    expect: [201, 202, 204],
    signal,
  })
  answer.skip()
  const { location } = answer.headers
  return location === undefined ? target : client.targetOf(location)
}

async function finish(
  { client, repository, blob, signal }: Upload,
  target: string,
  span: Span,
  onBytes: OnBytes,
): Promise<void> {
  const answer = await client.askOnce({
    method: 'PUT',
    repository,
    path: '',
    target: `${target}${target.includes('?') ? '&' : '?'}digest=${blob.digest}`,
    headers: bodyHeaders(span),
    body: () => bodyOf(blob, span, onBytes),
    expect: [201],
    signal,
  })
  answer.skip()
}

function bodyHeaders({ length }: Span) {
  return { 'Content-Length': length, 'Content-Type': 'application/octet-stream' }
}

// What another try sends again is not counted again.
function bodyOf({ place }: Blob, span: Span, onBytes: OnBytes): Body {
  if (span.length === 0) return Buffer.of()
  return async (write) => {
    let sent = 0
    try {
      await pourPlace(place, span, async (piece) => {
        await write(piece)
        sent += piece.length
        onBytes(piece.length)
      })
    } catch (error) {
      onBytes(-sent)
      throw error
    }
  }
}

// An upload that the registry no longer knows, or knows otherwise, is begun anew.
function explainLost(error: RegistryError, { digest }: Blob): Error {
  const { word, status, message } = error
  if (/digests? match|DIGEST_INVALID/.test(`${message} ${word}`)) {
    return new UserError(
      'IMAGE',
      `blob ${shortOf(digest)}: what the archive has is not what its digest says`,
    )
  }
  return word === 'BLOB_UPLOAD_UNKNOWN' || status === 416 ? new Passing(error) : error
}
