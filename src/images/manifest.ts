/** Manifests and indexes: what is in an image, by media type. */

import { UserError } from '../domain/errors.ts'
import { isDigest } from '../domain/reference.ts'
import { digestOf } from './digest.ts'
import type { Platform } from './platform.ts'

/** What a manifest says of something: how it is found and checked. */
export type Descriptor = {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly platform?: Platform
  readonly annotations?: Readonly<Record<string, string>>
}

/** An image or an artifact, or an index of several. */
export type Manifest =
  | { readonly kind: 'image'; readonly config: Descriptor; readonly layers: readonly Descriptor[] }
  | { readonly kind: 'index'; readonly manifests: readonly Descriptor[] }

/** A manifest as it is sent and hashed. */
export type Document<M extends Manifest = Manifest> = {
  readonly bytes: Buffer
  readonly digest: string
  readonly mediaType: string
  readonly manifest: M
}

export type ImageDocument = Document<Extract<Manifest, { readonly kind: 'image' }>>

export const TYPES = {
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
} as const

/** What is asked for. */
export const ACCEPTED = [
  TYPES.ociIndex,
  TYPES.ociManifest,
  TYPES.dockerList,
  TYPES.dockerManifest,
].join(', ')

/** The most that a manifest or a configuration may have, in bytes, as in distribution. */
export const DOCUMENT_LIMIT = 4 * 1024 * 1024

/** Reads a manifest. `where` names it in the UserError of code IMAGE for one that is none. */
export function readDocument(bytes: Buffer, contentType: string, where: string): Document {
  const value = parse(bytes, where)
  // A client must not be told one type by the header and another by the body.
  const named = typeof value['mediaType'] === 'string' ? value['mediaType'] : ''
  const mediaType = (named || contentType).split(';')[0]?.trim() ?? ''
  const kind = kindOf(value, mediaType, where)
  const manifest: Manifest =
    kind === 'index'
      ? { kind, manifests: list(value['manifests'], 'manifests', where) }
      : {
          kind,
          config: descriptor(value['config'], 'config', where),
          layers: list(value['layers'], 'layers', where),
        }
  return { bytes, digest: digestOf(bytes), mediaType, manifest }
}

/** The document, where it is one image or artifact. */
export function asImage(document: Document): ImageDocument | undefined {
  return document.manifest.kind === 'image' ? (document as ImageDocument) : undefined
}

/** The blobs of a manifest, each once. */
export function blobsOf({ manifest }: ImageDocument): readonly Descriptor[] {
  const all = [manifest.config, ...manifest.layers]
  return [...new Map(all.map((blob) => [blob.digest, blob])).values()]
}

/** Whether a configuration is one that engines run, as those of artifacts are not. */
export function isRunnable({ manifest }: ImageDocument): boolean {
  const { mediaType } = manifest.config
  return mediaType === TYPES.ociConfig || mediaType === TYPES.dockerConfig
}

/** How a layer is compressed, as its media type tells. */
export function compressionOf({ mediaType }: Descriptor): 'none' | 'gzip' | 'zstd' {
  if (/[.+]gzip$/.test(mediaType)) return 'gzip'
  return /[.+]zstd$/.test(mediaType) ? 'zstd' : 'none'
}

/** Whether a layer can be read with a key alone, as ocicrypt makes them. */
export function isEncrypted({ mediaType }: Descriptor): boolean {
  return mediaType.endsWith('+encrypted')
}

function parse(bytes: Buffer, where: string): Readonly<Record<string, unknown>> {
  if (bytes.length > DOCUMENT_LIMIT) throw bad(where, 'it has more than 4 MiB')
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // Refused below, as every text that is no object.
  }
  throw bad(where, 'it is no JSON object')
}

function kindOf(
  value: Readonly<Record<string, unknown>>,
  mediaType: string,
  where: string,
): Manifest['kind'] {
  if (value['schemaVersion'] === 1) {
    throw bad(where, 'it is of schema 1, which has no digests to check; push the image anew')
  }
  if (mediaType === TYPES.ociIndex || mediaType === TYPES.dockerList) return 'index'
  if (mediaType === TYPES.ociManifest || mediaType === TYPES.dockerManifest) return 'image'
  throw bad(where, `its type ${JSON.stringify(mediaType)} is unknown`)
}

function list(value: unknown, key: string, where: string): readonly Descriptor[] {
  if (!Array.isArray(value)) throw bad(where, `${key} is no list`)
  return value.map((item, index) => descriptor(item, `${key}[${index}]`, where))
}

function descriptor(value: unknown, key: string, where: string): Descriptor {
  const { mediaType, digest, size } = (value ?? {}) as Partial<Record<string, unknown>>
  const isOne =
    typeof mediaType === 'string' &&
    typeof digest === 'string' &&
    isDigest(digest) &&
    Number.isSafeInteger(size) &&
    (size as number) >= 0
  if (!isOne) throw bad(where, `${key} has no media type, sha256 digest and size`)
  return value as Descriptor
}

function bad(where: string, reason: string): UserError {
  return new UserError('IMAGE', `${where}: the manifest can't be used: ${reason}`)
}
