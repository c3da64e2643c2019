/** What a manifest that is pushed says of itself. */

import { createHash } from 'node:crypto'
import { Refusal } from './refusal.ts'

export type Manifest = {
  readonly digest: string
  readonly mediaType: string
  /** An index lists manifests; of any other kind nothing more is known. */
  readonly kind: 'image' | 'index' | 'other'
  readonly json: Readonly<Record<string, unknown>>
  /** Bytes of configuration and layers together, as far as it is an image. */
  readonly size?: number
  /** The digest of the configuration that has labels: of what can be run, not of charts and signatures. */
  readonly labelled?: string
  readonly annotations: Readonly<Record<string, unknown>>
}

/** The most that registries take (distribution-spec, pushing manifests). */
export const MANIFEST_LIMIT = 4 * 1024 * 1024

/** Whether a reference is a digest; a tag can't hold a colon. */
export function isDigest(reference: string): boolean {
  return reference.includes(':')
}

/** Whether text is a tag or digest as it stands: nothing in it is encoded. */
export function isReference(text: string): boolean {
  return TAG.test(text) || DIGEST.test(text)
}

/** Reads a manifest. One that two readers could take for two things throws a Refusal. */
export function readManifest(
  bytes: Buffer,
  { contentType, reference }: { readonly contentType: string; readonly reference: string },
): Manifest {
  if (isDigest(reference) && digestOf(bytes, reference) !== reference) {
    throw new Refusal(400, 'DIGEST_INVALID', `the manifest's digest is not ${reference}`)
  }
  const json = parse(bytes)
  const mediaType = mediaTypeOf(json, contentType)
  const kind = KINDS.get(mediaType) ?? 'other'
  return {
    digest: digestOf(bytes),
    mediaType,
    kind,
    json,
    annotations: isRecord(json['annotations']) ? json['annotations'] : {},
    ...(kind === 'image' && readImage(json)),
  }
}

/** The digest of bytes, by the algorithm that another digest names. */
export function digestOf(bytes: Buffer, like = 'sha256:'): string {
  const algorithm = like.startsWith('sha512:') ? 'sha512' : 'sha256'
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`
}

/** The value as an object; lists and null are none. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const TAG = /^\w[\w.-]{0,127}$/
const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/

/** Every type of which something is known, for a question that any of them may answer. */
export const KINDS: ReadonlyMap<string, Manifest['kind']> = new Map([
  ['application/vnd.oci.image.manifest.v1+json', 'image'],
  ['application/vnd.docker.distribution.manifest.v2+json', 'image'],
  ['application/vnd.oci.image.index.v1+json', 'index'],
  ['application/vnd.docker.distribution.manifest.list.v2+json', 'index'],
])

function parse(bytes: Buffer): Manifest['json'] {
  try {
    const json: unknown = JSON.parse(bytes.toString('utf8'))
    if (isRecord(json)) return json
  } catch {
    // Refused below.
  }
  throw invalid('it is no JSON object')
}

// CVE-2021-41190: what the header takes for an image, the body could call an index.
function mediaTypeOf(json: Manifest['json'], contentType: string): string {
  const named = (contentType.split(';')[0] ?? '').trim().toLowerCase()
  const own = json['mediaType']
  if (own !== undefined && (typeof own !== 'string' || (named !== '' && named !== own))) {
    throw invalid(`its mediaType is ${JSON.stringify(own)}, its Content-Type ${named}`)
  }
  const hasLayers = 'layers' in json || 'config' in json
  const mediaType = named || own || ''
  const kind = KINDS.get(mediaType)
  if ('manifests' in json && (hasLayers || kind === 'image')) {
    throw invalid('it has both layers and manifests')
  }
  if (hasLayers && kind === 'index') throw invalid('it is an index with layers')
  return mediaType
}

type Descriptor = { readonly mediaType: string; readonly digest: string; readonly size: number }

function readImage(json: Manifest['json']): Pick<Manifest, 'size' | 'labelled'> {
  const config = readDescriptor(json['config'], 'config')
  const { layers: listed = [] } = json
  if (!Array.isArray(listed)) throw invalid('its layers are no list')
  const layers = listed.map((layer: unknown) => readDescriptor(layer, 'a layer'))
  const size = layers.reduce((sum, layer) => sum + layer.size, config.size)
  const canRun =
    IMAGE_CONFIG.test(config.mediaType) &&
    (layers.length === 0 || layers.some(({ mediaType }) => IMAGE_LAYER.test(mediaType)))
  return { size, ...(canRun && { labelled: config.digest }) }
}

const IMAGE_CONFIG =
  /^application\/vnd\.(oci\.image\.config\.v1|docker\.container\.image\.v1)\+json$/
// Signatures and attestations have the configuration of an image, but no file system.
const IMAGE_LAYER = /^application\/vnd\.(oci\.image\.layer|docker\.image\.rootfs)\./

function readDescriptor(value: unknown, what: string): Descriptor {
  if (!isRecord(value)) throw invalid(`${what} is missing`)
  const { mediaType, digest, size } = value
  if (typeof mediaType !== 'string') throw invalid(`${what} has no mediaType`)
  if (typeof digest !== 'string' || !DIGEST.test(digest)) throw invalid(`${what} has no digest`)
  if (!Number.isSafeInteger(size) || (size as number) < 0) throw invalid(`${what} has no size`)
  return { mediaType, digest, size: size as number }
}

function invalid(reason: string): Refusal {
  return new Refusal(400, 'MANIFEST_INVALID', `the manifest can't be checked: ${reason}`)
}
