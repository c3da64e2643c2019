/** The files of an OCI layout, and what docker wants beside them. */

import { formatReference, type Reference } from '../domain/reference.ts'
import { hexOf } from './digest.ts'
import { type Document, type ImageDocument, TYPES } from './manifest.ts'

export const BLOBS = 'blobs/sha256'

/** Where a blob stands. */
export function blobName(digest: string): string {
  return `${BLOBS}/${hexOf(digest)}`
}

export const LAYOUT_FILE = 'oci-layout'
export const INDEX_FILE = 'index.json'
export const DOCKER_FILE = 'manifest.json'

/** A file that is small. */
export type SmallFile = { readonly name: string; readonly bytes: Buffer }

/** The names of OCI and of containerd for what an image is called. */
export const REF_NAME = 'org.opencontainers.image.ref.name'
export const IMAGE_NAME = 'io.containerd.image.name'

/** The files that make a folder or archive an OCI layout of one image or index. */
export function layoutFiles(document: Document, reference: Reference): readonly SmallFile[] {
  const name = reference.tag
  const entry: IndexEntry = {
    mediaType: document.mediaType,
    digest: document.digest,
    size: document.bytes.length,
    ...(name !== undefined && {
      annotations: { [IMAGE_NAME]: taggedName(reference), [REF_NAME]: name },
    }),
  }
  return [
    toFile(LAYOUT_FILE, { imageLayoutVersion: '1.0.0' }),
    { name: INDEX_FILE, bytes: indexOf([entry]) },
  ]
}

/** An index of one image that names what another, which may be broken, names as well. */
export function mergeIndexes(other: Buffer, own: Buffer): Buffer {
  const entries = entriesOf(own)
  const stay = entriesOf(other).filter((one) => !entries.some((entry) => isReplaced(one, entry)))
  return indexOf([...stay, ...entries])
}

/** The file by which `docker load` finds configuration and layers. */
export function dockerFile(
  { manifest }: ImageDocument,
  reference: Reference,
  layers: readonly string[],
): SmallFile {
  const tags = reference.tag === undefined ? [] : [taggedName(reference)]
  const image = { Config: blobName(manifest.config.digest), RepoTags: tags, Layers: layers }
  return toFile(DOCKER_FILE, [image])
}

type IndexEntry = {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly annotations?: Readonly<Record<string, string>>
}

function indexOf(manifests: readonly IndexEntry[]): Buffer {
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: TYPES.ociIndex, manifests }))
}

function entriesOf(index: Buffer): readonly IndexEntry[] {
  try {
    const { manifests } = JSON.parse(index.toString('utf8')) as {
      readonly manifests?: readonly IndexEntry[]
    }
    return Array.isArray(manifests) ? manifests : []
  } catch {
    return []
  }
}

// One that has the name now, and one that is the same without any.
function isReplaced(other: IndexEntry, entry: IndexEntry): boolean {
  const name = entry.annotations?.[REF_NAME]
  if (name !== undefined && other.annotations?.[REF_NAME] === name) return true
  return other.digest === entry.digest && other.annotations?.[REF_NAME] === undefined
}

function taggedName(reference: Reference): string {
  const { digest: _, ...tagged } = reference
  return formatReference(tagged)
}

function toFile(name: string, value: unknown): SmallFile {
  return { name, bytes: Buffer.from(JSON.stringify(value)) }
}
