/** Blobs on their way into an output, by way of the cache where there is one. */

import { readFile } from 'node:fs/promises'
import { UserError } from '../domain/errors.ts'
import type { Reference } from '../domain/reference.ts'
import type { Cache } from './cache.ts'
import type { Client } from './client.ts'
import { digestOf } from './digest.ts'
import { fetchSmall } from './fetch.ts'
import type { Hashing } from './hashing.ts'
import { download } from './layers.ts'
import type { Descriptor } from './manifest.ts'
import type { Outcome, Report } from './progress.ts'
import type { Sink } from './sink.ts'

export type Fetching = {
  readonly client: Client
  readonly reference: Reference
  readonly cache?: Cache
  readonly hashing: Hashing
  readonly report: Report
  readonly signal: AbortSignal
}

type Whole = Extract<Outcome, 'downloaded' | 'cached'>

/** Tells that all of a blob is there, and how it came. */
export function countWhole(
  { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
  how: Whole,
  report: Report,
): void {
  report({ kind: 'bytes', digest, bytes: size })
  report({ kind: 'done', digest, how })
}

/** A blob that is small, such as a configuration, and how it came. */
export type SmallBlob = {
  readonly digest: string
  readonly size: number
  readonly bytes: Buffer
  readonly how: Whole
}

/** Reads a small blob whole: out of the cache, or into it. */
export async function readSmall(
  { digest, size, ...rest }: Descriptor,
  { client, reference, cache }: Pick<Fetching, 'client' | 'reference' | 'cache'>,
): Promise<SmallBlob> {
  const kept = cache?.find(digest, size)
  const found = kept === undefined ? undefined : await readFile(kept).catch(() => undefined)
  if (found && digestOf(found) === digest) return { digest, size, bytes: found, how: 'cached' }
  const bytes = await fetchSmall(client, reference.repository, { digest, size, ...rest })
  const part = await cache?.begin(digest)
  await part?.empty()
  await part?.write([bytes], 0)
  await part?.keep()
  return { digest, size, bytes, how: 'downloaded' }
}

/** Fetches a blob into its place, and into the cache. */
export async function fetchBlob(
  blob: Descriptor,
  output: Sink,
  { client, reference, cache, hashing, report, signal }: Fetching,
): Promise<void> {
  const part = await cache?.begin(blob.digest)
  let isWhole = false
  try {
    part?.share(output)
    const { repository } = reference
    await download({ client, repository, blob, output, part, hashing, report, signal })
    isWhole = true
  } catch (error) {
    // What is wrong in itself is no beginning of anything.
    if (error instanceof UserError && error.code === 'IMAGE') await part?.empty()
    throw error
  } finally {
    await (isWhole ? part?.keep() : part?.leave())
  }
  report({ kind: 'done', digest: blob.digest, how: 'downloaded' })
}
