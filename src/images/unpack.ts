/** Layers whose compression an engine may not know, unpacked and held against the configuration. */

import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { createZstdDecompress } from 'node:zlib'
import { UserError } from '../domain/errors.ts'
import { digestIn, openDigest, shortOf } from './digest.ts'
import type { Descriptor } from './manifest.ts'
import { explainWrite, sinkIn } from './sink.ts'

export type Unpacking = {
  readonly layer: Descriptor
  readonly from: string
  readonly to: string
  /** What the configuration says of the layer unpacked. */
  readonly diffId: string
  readonly signal: AbortSignal
}

/** Unpacks a layer of zstd into a file; resolves to its size. */
export async function unpackZstd(order: Unpacking): Promise<number> {
  const { layer, from, to, diffId, signal } = order
  const file = await open(to, 'w').catch((error: unknown) => {
    throw explainWrite(error, to)
  })
  try {
    const { size, digest } = await unpackInto(file, { from, to, signal })
    if (digest === diffId) return size
    throw new UserError(
      'IMAGE',
      `layer ${shortOf(layer.digest)}: unpacked it is not what the image's configuration says`,
    )
  } catch (error) {
    if (error instanceof UserError || signal.aborted) throw error
    throw new UserError(
      'IMAGE',
      `layer ${shortOf(layer.digest)}: it can't be unpacked (${(error as Error).message})`,
    )
  } finally {
    await file.close()
  }
}

async function unpackInto(
  file: FileHandle,
  { from, to, signal }: Pick<Unpacking, 'from' | 'to' | 'signal'>,
) {
  const sink = sinkIn(file, to)
  const hash = openDigest()
  let size = 0
  await pipeline(
    createReadStream(from, { highWaterMark: 1024 * 1024 }),
    createZstdDecompress(),
    async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) {
        hash.update(chunk)
        await sink.write([chunk], size)
        size += chunk.length
      }
    },
    { signal },
  )
  return { size, digest: digestIn(hash) }
}
