/** Images out of what `docker save` writes: layers unpacked, and no manifest as registries have it. */

import { createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { UserError } from '../domain/errors.ts'
import { digestIn, digestOf, hexOf, openDigest, shortOf } from './digest.ts'
import { digestAt, type Files, type Place, pourPlace, readBytes } from './files.ts'
import { DOCKER_FILE } from './layout.ts'
import { type Descriptor, DOCUMENT_LIMIT, readDocument, TYPES } from './manifest.ts'
import { inParallel } from './parallel.ts'
import { requirePlatform } from './platform.ts'
import { stopped } from './retry.ts'
import { explainWrite } from './sink.ts'
import type { Blob, Cargo, OpenOptions, SourceImage } from './source.ts'

/** Reads the list of images that docker writes. */
export function openDockerArchive(files: Files): readonly SourceImage[] {
  const list = readJson(files, DOCKER_FILE)
  if (isManifest(list)) {
    throw bad(files, 'it is of the form dir; copy it anew: skopeo copy dir:FOLDER oci-archive:FILE')
  }
  if (!Array.isArray(list)) throw bad(files, `${DOCKER_FILE} is no list of images`)
  return list.map((entry: unknown) => {
    const listed = readListed(entry, files)
    return {
      names: listed.names,
      digest: undefined,
      open: (options) => openCargo(files, listed, options),
    }
  })
}

// skopeo and podman write a manifest by the name of docker's list.
function isManifest(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'schemaVersion' in value
}

type Listed = {
  readonly config: string
  readonly names: readonly string[]
  readonly layers: readonly string[]
}

type Layer = Blob & { readonly mediaType: string }

async function openCargo(files: Files, listed: Listed, options: OpenOptions): Promise<Cargo> {
  const place = small(files, listed.config)
  const bytes = readBytes(place)
  const diffIds = readDiffIds(bytes, files)
  if (options.platform) requirePlatform(bytes, options.platform, files.path)
  if (diffIds.length !== listed.layers.length) {
    throw bad(files, 'configuration and list differ in their layers')
  }
  const packed = await packAll(files, listed, diffIds, options)
  const layers = diffIds.map((diffId) => packed.get(diffId)).filter((one) => one !== undefined)
  const config = { digest: digestOf(bytes), size: bytes.length, place }
  const manifest = toManifest(config, layers)
  const unique = new Map([config, ...layers].map((blob) => [blob.digest, blob]))
  const document = readDocument(manifest, '', files.path)
  return { blobs: [...unique.values()], documents: [document] }
}

// As docker pushes it; only zstd has no type of docker's own.
function toManifest(config: Blob, layers: readonly Layer[]): Buffer {
  const isOci = layers.some(({ mediaType }) => mediaType !== TYPES.dockerLayer)
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: isOci ? TYPES.ociManifest : TYPES.dockerManifest,
      config: describe(isOci ? TYPES.ociConfig : TYPES.dockerConfig, config),
      layers: layers.map((layer) => {
        const type = isOci && layer.mediaType === TYPES.dockerLayer ? OCI_GZIP : layer.mediaType
        return describe(type, layer)
      }),
    }),
  )
}

function describe(mediaType: string, { digest, size }: Blob): Descriptor {
  return { mediaType, size, digest }
}

const OCI_GZIP = 'application/vnd.oci.image.layer.v1.tar+gzip'
const OCI_ZSTD = 'application/vnd.oci.image.layer.v1.tar+zstd'
const AT_ONCE = 4

async function packAll(
  files: Files,
  { layers }: Listed,
  diffIds: readonly string[],
  { signal, folder }: OpenOptions,
): Promise<ReadonlyMap<string, Layer>> {
  const packed = new Map<string, Layer>()
  const wanted = new Map(diffIds.map((diffId, index) => [diffId, layers[index] ?? '']))
  await inParallel([...wanted], { count: AT_ONCE, signal }, async ([diffId, name], until) => {
    const place = files.find(name)
    if (!place) throw bad(files, `layer ${JSON.stringify(name)} is not in it`)
    const type = compressedType(place)
    packed.set(
      diffId,
      type === undefined
        ? await pack(files, { place, diffId, folder: await folder() }, until)
        : { mediaType: type, digest: await digestAt(place), size: place.size, place },
    )
  })
  return packed
}

// Those of ours, and of crane, have layers as registries keep them.
function compressedType({ path, offset, size }: Place): string | undefined {
  const first = readBytes({ path, offset, size: Math.min(4, size) })
  if (first.subarray(0, 2).equals(Buffer.of(0x1f, 0x8b))) return TYPES.dockerLayer
  return first.equals(Buffer.of(0x28, 0xb5, 0x2f, 0xfd)) ? OCI_ZSTD : undefined
}

type Unpacked = { readonly place: Place; readonly diffId: string; readonly folder: string }

// The same bytes each time, so that what was pushed once is found again.
async function pack(
  files: Files,
  { place, diffId, folder }: Unpacked,
  signal: AbortSignal,
): Promise<Layer> {
  const path = join(folder, hexOf(diffId))
  const [unpacked, compressed] = [openDigest(), openDigest()]
  // Level 1: twice the speed for a twentieth more of size, as crane does it.
  const gzip = createGzip({ level: 1, chunkSize: CHUNK })
  const hashing = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      compressed.update(chunk)
      yield chunk
    }
  }
  const compress = async () => {
    await pourPlace(place, { from: 0, length: place.size }, async (piece) => {
      unpacked.update(piece)
      await new Promise<void>((resolve, reject) => {
        gzip.write(piece, (error) => (error ? reject(error) : resolve()))
      })
    })
    gzip.end()
  }
  try {
    await Promise.all([
      compress().catch((error: unknown) => void gzip.destroy(error as Error)),
      pipeline(gzip, hashing, createWriteStream(path), { signal }),
    ])
  } catch (error) {
    throw signal.aborted ? stopped() : explainWrite(error, path)
  }
  if (digestIn(unpacked) !== diffId) {
    throw bad(files, `layer ${shortOf(diffId)} is not what the configuration says`)
  }
  const { size } = await stat(path)
  const digest = digestIn(compressed)
  return { mediaType: TYPES.dockerLayer, digest, size, place: { path, offset: 0, size } }
}

const CHUNK = 64 * 1024

function readListed(entry: unknown, files: Files): Listed {
  const {
    Config: config,
    RepoTags: names,
    Layers: layers,
  } = (entry ?? {}) as {
    readonly [key: string]: unknown
  }
  if (typeof config !== 'string' || !isTexts(layers)) {
    throw bad(files, `${DOCKER_FILE} names no configuration or layers`)
  }
  return { config, layers, names: isTexts(names) ? names : [] }
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

function readDiffIds(config: Buffer, files: Files): readonly string[] {
  try {
    const { rootfs } = JSON.parse(config.toString('utf8')) as {
      readonly rootfs?: { readonly diff_ids?: unknown }
    }
    if (Array.isArray(rootfs?.diff_ids)) return rootfs.diff_ids.map(String)
  } catch {
    // Refused below, as one without layers.
  }
  throw bad(files, 'the configuration does not say which layers there are')
}

function readJson(files: Files, name: string): unknown {
  try {
    return JSON.parse(readBytes(small(files, name)).toString('utf8')) as unknown
  } catch (error) {
    if (error instanceof UserError) throw error
    throw bad(files, `${name} is no JSON`)
  }
}

function small(files: Files, name: string): Place {
  const place = files.find(name)
  if (!place) throw bad(files, `${JSON.stringify(name)} is not in it`)
  if (place.size > DOCUMENT_LIMIT) throw bad(files, `${JSON.stringify(name)} has more than 4 MiB`)
  return place
}

function bad({ path }: Files, reason: string): UserError {
  return new UserError('IMAGE', `${path}: ${reason}`)
}
