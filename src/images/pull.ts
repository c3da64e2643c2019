/** Pulls an image into an archive or a folder, each of its blobs held against its digest. */

import { existsSync } from 'node:fs'
import type { Reference } from '../domain/reference.ts'
import { countWhole, fetchBlob, type Fetching } from './blobs.ts'
import type { Cache } from './cache.ts'
import { choose, type Chosen } from './choose.ts'
import type { Client } from './client.ts'
import type { Site } from './doors.ts'
import type { Slot } from './slots.ts'
import { openHashing } from './hashing.ts'
import {
  blobName,
  dockerFile,
  INDEX_FILE,
  layoutFiles,
  mergeIndexes,
  type SmallFile,
} from './layout.ts'
import { blobsOf, type Descriptor } from './manifest.ts'
import { type Entry, openArchive, openFolder, type Output } from './output.ts'
import { inParallel } from './parallel.ts'
import { formatPlatform, type Platform } from './platform.ts'
import { type Local, prepare, type Prepared } from './prepare.ts'
import type { Report } from './progress.ts'
import { keeping } from './retry.ts'

export const FORMATS = ['docker', 'oci', 'oci-archive'] as const
export type Format = (typeof FORMATS)[number]

export type PullOptions = {
  readonly reference: Reference
  readonly client: Client
  /** The file, or for `oci` the folder. */
  readonly path: string
  readonly format: Format
  /** Of this machine's engines unless told; all of them for OCI only. */
  readonly platform?: Platform | 'all'
  readonly cache?: Cache
  readonly report?: Report
}

/** What was pulled. */
export type Pulled = {
  readonly digest: string
  readonly mediaType: string
  readonly platform?: string
  /** Of the blobs together, in bytes. */
  readonly size: number
  readonly layers: number
}

const AT_ONCE = 6

/** Pulls. Nothing stands at the path before all of it does. */
export async function pullImage(options: PullOptions): Promise<Pulled> {
  return await (options.cache ? keeping(() => pullChosen(options)) : pullChosen(options))
}

async function pullChosen(options: PullOptions): Promise<Pulled> {
  const { client, cache, report = () => {} } = options
  const { signal } = client.options
  const chosen = await choose(options)
  const blobs = [
    ...new Map(chosen.images.flatMap(blobsOf).map((one) => [one.digest, one])).values(),
  ]
  report({ kind: 'plan', blobs })
  if (chosen.config) countWhole(chosen.config, chosen.config.how, report)
  const size = blobs.reduce((sum, blob) => sum + blob.size, 0)
  const hashing = openHashing(size)
  const fetching = { ...options, report, signal, hashing }
  try {
    await write(chosen, fetching)
  } finally {
    hashing.close()
  }
  await cache?.sweep()
  return summaryOf(chosen, size)
}

async function write(chosen: Chosen, fetching: Fetching & PullOptions): Promise<void> {
  const prepared = await prepare(chosen, fetching)
  try {
    const plan = await planOf(chosen, prepared, fetching)
    const output = await openOutput(plan, fetching)
    try {
      for (const { name, bytes } of plan.small) await output.put(name, bytes)
      const linked = await fill(plan, output, fetching)
      await output.finish()
      for (const digest of linked) fetching.cache?.noteLinks(digest)
    } catch (error) {
      await output.discard()
      throw error
    }
  } finally {
    await prepared.clear()
  }
}

type Plan = {
  readonly small: readonly SmallFile[]
  readonly blobs: readonly Descriptor[]
  readonly local: readonly (Entry & Pick<Local, 'path'>)[]
}

async function planOf(
  chosen: Chosen,
  { layers }: Prepared,
  { reference: asked, format, client }: PullOptions,
): Promise<Plan> {
  const reference = loadable(asked, client.options.site)
  const { root, images, config } = chosen
  const documents = new Map([root, ...chosen.indexes, ...images].map((one) => [one.digest, one]))
  const isHere = ({ digest }: Descriptor) => layers.has(digest) || digest === config?.digest
  const blobs = images.flatMap(blobsOf).filter((blob) => !isHere(blob))
  const unique = [...new Map(blobs.map((blob) => [blob.digest, blob])).values()]
  const local = [...layers].map(([digest, one]) => ({ name: blobName(digest), ...one }))
  const [image] = images
  const names = image?.manifest.layers.map(({ digest }) => blobName(digest)) ?? []
  const docker = format === 'docker' && image ? [dockerFile(image, reference, names)] : []
  // With a layer unpacked it is no longer what the manifest says.
  const oci =
    layers.size > 0
      ? []
      : [
          ...layoutFiles(root, reference),
          ...[...documents.values()].map(({ digest, bytes }) => ({
            name: blobName(digest),
            bytes,
          })),
        ]
  const read = config ? [{ name: blobName(config.digest), bytes: config.bytes }] : []
  return { small: [...oci, ...docker, ...read], blobs: unique, local }
}

// No engine takes the name of an image at an IPv6 address; ECR's own is what it has there.
function loadable(reference: Reference, { registry, prefix = '' }: Site): Reference {
  if (!reference.name.startsWith('[')) return reference
  return { ...reference, name: registry, repository: `${prefix}${reference.repository}` }
}

async function openOutput(
  { small, blobs, local }: Plan,
  { path, format, client }: PullOptions,
): Promise<Output> {
  if (format === 'oci') {
    const { now } = client.options.pace
    return await openFolder(path, { name: INDEX_FILE, merge: mergeIndexes, now })
  }
  const sized = small.map(({ name, bytes }) => ({ name, size: bytes.length }))
  const named = blobs.map(({ digest, size }) => ({ name: blobName(digest), size }))
  return await openArchive(path, [...sized, ...named, ...local])
}

/** Resolves to the digests of what is one file with the cache's. */
async function fill(
  { blobs, local }: Plan,
  output: Output,
  fetching: Fetching,
): Promise<readonly string[]> {
  const { cache, report } = fetching
  const linked: string[] = []
  // The largest first, so that none is left to end alone.
  const sorted = [...blobs].sort((a, b) => b.size - a.size)
  const limits = { count: AT_ONCE, signal: fetching.signal }
  await inParallel(sorted, limits, async (blob, signal) => {
    const slot = output.slot(blobName(blob.digest))
    const kept = cache?.find(blob.digest, blob.size)
    if (kept !== undefined && (await fillFrom(kept, slot))) countWhole(blob, 'cached', report)
    else await fetchBlob(blob, slot, { ...fetching, signal })
    await slot.close()
    if (!slot.isLinked()) return
    linked.push(blob.digest)
    // Now, and not only in the end, which a pull that is killed does not come to.
    cache?.noteLinks(blob.digest)
  })
  for (const { name, path } of local) {
    const slot = output.slot(name)
    await slot.copyFrom(path)
    await slot.close()
  }
  return linked
}

// False where another process has emptied the cache meanwhile.
async function fillFrom(kept: string, slot: Slot): Promise<boolean> {
  try {
    if (!slot.link?.(kept)) await slot.copyFrom(kept)
    return true
  } catch (error) {
    if (existsSync(kept)) throw error
    return false
  }
}

function summaryOf({ root, images, platform }: Chosen, size: number): Pulled {
  return {
    digest: root.digest,
    mediaType: root.mediaType,
    ...(platform && { platform: formatPlatform(platform) }),
    size,
    layers: images.reduce((sum, { manifest }) => sum + manifest.layers.length, 0),
  }
}
