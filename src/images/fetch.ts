/** What is read from a registry: manifests, small blobs, and layers from some byte on. */

import { UserError } from '../domain/errors.ts'
import type { Client } from './client.ts'
import { asWritten } from './doors.ts'
import { digestOf, shortOf } from './digest.ts'
import {
  ACCEPTED,
  type Descriptor,
  type Document,
  DOCUMENT_LIMIT,
  readDocument,
} from './manifest.ts'
import { Passing } from './retry.ts'
import { type Incoming, readWhole } from './taker.ts'

/** A manifest by tag or digest, held against its digest. */
export async function fetchDocument(
  client: Client,
  repository: string,
  reference: string,
): Promise<Document> {
  const isDigest = reference.startsWith('sha256:')
  const where = `${asWritten(client.options.site.name)}/${repository}${isDigest ? '@' : ':'}${reference}`
  const ask = {
    method: 'GET',
    repository,
    path: `manifests/${reference}`,
    headers: { Accept: ACCEPTED },
    expect: [200],
    where,
  } as const
  const [document, headers] = await client.retrying(async () => {
    const answer = await client.askOnce(ask)
    const bytes = await readWhole(answer, DOCUMENT_LIMIT, where)
    return [bytes, answer.headers] as const
  })
  // ECR tells the digest of a tag's manifest to HEAD alone; who tells it here is held to it.
  const told = isDigest ? reference : headers['docker-content-digest']
  if (told !== undefined && digestOf(document) !== told) {
    throw new UserError('IMAGE', `${where}: the registry sends a manifest of another digest`)
  }
  return readDocument(document, headers['content-type'] ?? '', where)
}

/** A blob that is small, such as a configuration, whole and held against its digest. */
export async function fetchSmall(
  client: Client,
  repository: string,
  blob: Descriptor,
): Promise<Buffer> {
  const where = `blob ${shortOf(blob.digest)}`
  if (blob.size > DOCUMENT_LIMIT) {
    throw new UserError('IMAGE', `${where}: a configuration of ${blob.size} bytes is too large`)
  }
  const bytes = await client.retrying(async () => {
    const answer = await openBlob(client, repository, blob, { from: 0, ...client.options })
    return await readWhole(answer, blob.size, where)
  })
  if (bytes.length === blob.size && digestOf(bytes) === blob.digest) return bytes
  throw new UserError('IMAGE', `${where}: what the registry sends has another digest`)
}

export type Span = { readonly from: number; readonly signal: AbortSignal }

/**
 * A blob from a byte on, by one try: the URL that the registry gives for it is asked for anew each
 * time, since it ends.
 */
export async function openBlob(
  client: Client,
  repository: string,
  { digest }: Pick<Descriptor, 'digest'>,
  { from, signal }: Span,
): Promise<Incoming> {
  const headers = from > 0 ? { Range: `bytes=${from}-` } : {}
  const path = `blobs/${digest}`
  const expect = [200, 206, 302, 303, 307, 308]
  const where = `${asWritten(client.options.site.name)}/${repository}@${digest}`
  const ask = { method: 'GET', repository, path, headers, expect, signal, where } as const
  const answer = await client.askOnce(ask)
  const { location } = answer.headers
  if (answer.status < 300 || location === undefined) return answer
  answer.skip()
  const layer = await client.follow(location, headers, signal)
  const { status } = layer
  if (status === 200 || status === 206) return layer
  layer.drop()
  const advice =
    status === 403 ? "see what refuses it, such as an S3 endpoint's policy" : 'try later'
  const line = `blob ${shortOf(digest)}: the bucket that holds it answered ${status}; ${advice}`
  throw new Passing(new UserError('REGISTRY', line))
}
