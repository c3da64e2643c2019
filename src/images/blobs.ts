/** Blobs on their way into an output, by way of the cache where there is one. */

import { UserError } from '../domain/errors.ts'
import type { Reference } from '../domain/reference.ts'
import type { Cache } from './cache.ts'
import type { Client } from './client.ts'
import type { Hashing } from './hashing.ts'
import { download } from './layers.ts'
import type { Descriptor } from './manifest.ts'
import type { Report } from './progress.ts'
import type { Sink } from './sink.ts'

export type Fetching = {
  readonly client: Client
  readonly reference: Reference
  readonly cache?: Cache
  readonly hashing: Hashing
  readonly report: Report
  readonly signal: AbortSignal
}

/** Tells that a blob was here already. */
export function countCached({ digest, size }: Descriptor, report: Report): void {
  report({ kind: 'bytes', digest, bytes: size })
  report({ kind: 'done', digest, how: 'cached' })
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
    await part?.share(output)
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
