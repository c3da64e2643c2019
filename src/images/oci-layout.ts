/** Images out of an OCI layout, in a folder or in an archive. */

import { UserError } from '../domain/errors.ts'
import { isDigest } from '../domain/reference.ts'
import { digestOf, shortOf } from './digest.ts'
import { type Files, readBytes } from './files.ts'
import { blobName, IMAGE_NAME, INDEX_FILE, REF_NAME } from './layout.ts'
import {
  asImage,
  blobsOf,
  compressionOf,
  type Descriptor,
  type Document,
  DOCUMENT_LIMIT,
  isRunnable,
  readDocument,
} from './manifest.ts'
import { choosePlatform, formatPlatform, type Platform, requirePlatform } from './platform.ts'
import type { Cargo, SourceImage } from './source.ts'

export type Layout = {
  readonly images: readonly SourceImage[]
  /** Whether the layers of all images are as registries keep them. */
  readonly isPacked: boolean
}

/** Reads the index of a layout. */
export function openLayout(files: Files): Layout {
  const entries = readIndex(files)
  const byDigest = Map.groupBy(entries, ({ digest }) => digest)
  const images = [...byDigest].flatMap(([digest, [entry, ...same]]) => {
    if (!entry) return []
    const names = [entry, ...same].flatMap(nameOf)
    const image: SourceImage = {
      names,
      digest,
      open: async ({ platform }) => openCargo(files, entry, platform),
    }
    return image
  })
  return { images, isPacked: isPacked(files, entries) }
}

function readIndex(files: Files): readonly Descriptor[] {
  const place = files.follow(INDEX_FILE)
  const where = `${files.path}: ${INDEX_FILE}`
  if (!place || place.size > DOCUMENT_LIMIT) throw new UserError('IMAGE', `${where} is too large`)
  const bytes = readBytes(place)
  const { manifest } = readDocument(bytes, INDEX_TYPE, where)
  return manifest.kind === 'index' ? manifest.manifests : []
}

const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json'

// Annotations are as anybody wrote them.
function nameOf({ annotations }: Descriptor): string[] {
  const name: unknown = annotations?.[IMAGE_NAME] ?? annotations?.[REF_NAME]
  return typeof name === 'string' ? [name] : []
}

// Each manifest once, those that name others after them.
function openCargo(files: Files, entry: Descriptor, platform: Platform | undefined): Cargo {
  const documents = gather(files, narrow(files, entry, platform), DEEPEST)
  const unique = [...new Map(documents.map((one) => [one.digest, one])).values()]
  const blobs = unique
    .flatMap((document) => asImage(document) ?? [])
    .flatMap(blobsOf)
    .filter((blob) => !isElsewhere(blob) || files.follow(blobName(blob.digest)))
  const whole = new Map(blobs.map((blob) => [blob.digest, blob]))
  return { documents: unique, blobs: [...whole.values()].map((blob) => placed(files, blob)) }
}

// An index in an index in an index is no one's image.
const DEEPEST = 4

function narrow(files: Files, entry: Descriptor, platform: Platform | undefined): Document {
  const document = readManifest(files, entry)
  if (!platform) return document
  if (document.manifest.kind === 'image') {
    const config = files.follow(blobName(document.manifest.config.digest))
    const isSmall = config && config.size <= DOCUMENT_LIMIT
    if (isSmall) requirePlatform(readBytes(config), platform, files.path)
    return document
  }
  return readManifest(files, choosePlatform(document.manifest.manifests, platform, files.path))
}

function gather(files: Files, document: Document, depth: number): readonly Document[] {
  if (document.manifest.kind === 'image') return [document]
  if (depth === 0) throw new UserError('IMAGE', `${files.path}: indexes in indexes, too deep`)
  const below: Document[] = []
  for (const child of document.manifest.manifests) {
    below.push(...gather(files, readManifest(files, child), depth - 1))
  }
  return [...below, document]
}

function readManifest(files: Files, descriptor: Descriptor): Document {
  const { digest, platform, mediaType } = descriptor
  const place = files.follow(blobName(digest))
  const where = `${files.path}: manifest ${shortOf(digest)}`
  if (!place) {
    const of = platform ? ` for ${formatPlatform(platform)}` : ''
    throw new UserError(
      'IMAGE',
      `${where}${of} is not in it; choose one that is with --platform, or save all of them`,
    )
  }
  if (place.size > DOCUMENT_LIMIT) throw new UserError('IMAGE', `${where} has more than 4 MiB`)
  const bytes = readBytes(place)
  if (!isDigest(digest) || digestOf(bytes) !== digest) {
    throw new UserError('IMAGE', `${where} is not what its digest says`)
  }
  return readDocument(bytes, mediaType, where)
}

function placed(files: Files, { digest, size }: Descriptor) {
  const place = files.follow(blobName(digest))
  const where = `${files.path}: blob ${shortOf(digest)}`
  if (!place) throw new UserError('IMAGE', `${where} is not in it`)
  if (place.size === size) return { digest, size, place }
  throw new UserError('IMAGE', `${where} has ${place.size} bytes, and its manifest says ${size}`)
}

// Of Windows: layers that are fetched from where their URLs say.
function isElsewhere({ mediaType }: Descriptor): boolean {
  return /nondistributable|\.foreign\./.test(mediaType)
}

function isPacked(files: Files, entries: readonly Descriptor[]): boolean {
  for (const entry of entries) {
    if (!files.follow(blobName(entry.digest))) return false
    const image = asImage(readManifest(files, entry))
    const layers = image && isRunnable(image) ? image.manifest.layers : []
    if (layers.some((layer) => compressionOf(layer) === 'none')) return false
  }
  return true
}
