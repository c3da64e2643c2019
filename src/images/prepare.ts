/** Layers that are not put into the output as they are: zstd, for docker. */

import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { countWhole, fetchBlob, type Fetching } from './blobs.ts'
import type { Chosen } from './choose.ts'
import { hexOf } from './digest.ts'
import { clearDrafts, draftOf } from './drafts.ts'
import { compressionOf, type Descriptor } from './manifest.ts'
import { inParallel } from './parallel.ts'
import { explainWrite, sinkIn } from './sink.ts'

/** A layer as it goes into the output, from a file that is here. */
export type Local = { readonly size: number; readonly path: string }

export type Prepared = {
  readonly layers: ReadonlyMap<string, Local>
  readonly clear: () => Promise<void>
}

/**
 * Unpacks what `docker load` knows only of late. What it gets in its place has a size that nobody
 * tells before that.
 */
export async function prepare(
  chosen: Chosen,
  fetching: Fetching & { readonly path: string; readonly format: string },
): Promise<Prepared> {
  const [image] = chosen.images
  const zstd =
    fetching.format === 'docker' && image
      ? image.manifest.layers.filter((layer) => compressionOf(layer) === 'zstd')
      : []
  if (zstd.length === 0 || !image) return { layers: new Map(), clear: async () => {} }
  // Node's zlib takes milliseconds to load, which most pulls can do without.
  const { unpackZstd } = await import('./unpack.ts')
  const { path } = fetching
  await clearDrafts(path)
  const folder = draftOf(path)
  await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
    throw explainWrite(error, path)
  })
  const clear = () => rm(folder, { recursive: true, force: true })
  try {
    const layers = new Map<string, Local>()
    await inParallel(zstd, { count: 2, signal: fetching.signal }, async (layer, signal) => {
      const to = join(folder, hexOf(layer.digest))
      const from = await fetchFile(layer, `${to}.zst`, { ...fetching, signal })
      const diffId = chosen.diffIds[image.manifest.layers.indexOf(layer)] ?? ''
      layers.set(layer.digest, {
        path: to,
        size: await unpackZstd({ layer, from, to, diffId, signal }),
      })
    })
    return { layers, clear }
  } catch (error) {
    await clear()
    throw error
  }
}

async function fetchFile(blob: Descriptor, path: string, fetching: Fetching): Promise<string> {
  const kept = fetching.cache?.find(blob.digest, blob.size)
  if (kept !== undefined) {
    countWhole(blob, 'cached', fetching.report)
    return kept
  }
  const file = await open(path, 'w')
  try {
    await fetchBlob(blob, sinkIn(file, path), fetching)
    return path
  } finally {
    await file.close()
  }
}
