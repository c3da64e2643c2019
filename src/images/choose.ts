/** What of a reference is pulled: the image itself, one of an index, or an index with all it names. */

import { UserError } from '../domain/errors.ts'
import { formatReference, type Reference } from '../domain/reference.ts'
import type { Client } from './client.ts'
import { readSmall, type SmallBlob } from './blobs.ts'
import type { Cache } from './cache.ts'
import { fetchDocument } from './fetch.ts'
import {
  asImage,
  type Descriptor,
  type Document,
  type ImageDocument,
  isEncrypted,
  isRunnable,
} from './manifest.ts'
import { choosePlatform, ownPlatform, type Platform, requirePlatform } from './platform.ts'

export type Choice = {
  readonly reference: Reference
  readonly client: Client
  readonly format: 'docker' | 'oci' | 'oci-archive'
  readonly platform?: Platform | 'all'
  readonly cache?: Cache
}

export type Chosen = {
  /** What the output is named after. */
  readonly root: Document
  /** Indexes below it. */
  readonly indexes: readonly Document[]
  readonly images: readonly ImageDocument[]
  /** Of the one image, what its layers are unpacked. */
  readonly diffIds: readonly string[]
  readonly platform: Platform | undefined
  /** The configuration, where it had to be read. */
  readonly config: SmallBlob | undefined
}

// An index in an index in an index is no one's image.
const DEEPEST = 4

/** Fetches the manifests of what is asked for. */
export async function choose(choice: Choice): Promise<Chosen> {
  const { reference, client, format, platform } = choice
  const { repository, tag = 'latest', digest = tag } = reference
  const where = formatReference(reference)
  const found = await fetchDocument(client, repository, digest)
  if (platform === 'all') {
    if (format === 'docker') throw oneOnly(where)
    const all = await gather(choice, found, DEEPEST)
    return { root: found, ...all, diffIds: [], platform: undefined, config: undefined }
  }
  const root = await descend(choice, found, DEEPEST)
  const config = isRunnable(root) ? await readConfig(choice, root.manifest.config) : undefined
  if (format === 'docker' && !config) {
    throw new UserError(
      'IMAGE',
      `${where}: it is an artifact and no image that engines load; add --format oci-archive`,
    )
  }
  if (format === 'docker' && root.manifest.layers.some(isEncrypted)) {
    throw new UserError(
      'IMAGE',
      `${where}: its layers are encrypted, and no engine loads those; add --format oci-archive, and decrypt that with: skopeo copy --decryption-key`,
    )
  }
  // An index is believed, for configurations of what it names are often wrong, or tell no variant.
  if (root === found && platform && config) requirePlatform(config.blob.bytes, platform, where)
  if (format === 'docker' && config?.diffIds.length !== root.manifest.layers.length) {
    throw new UserError('IMAGE', `${where}: configuration and manifest differ in their layers`)
  }
  const { diffIds = [], platform: own, blob } = config ?? {}
  return { root, indexes: [], images: [root], diffIds, platform: own, config: blob }
}

async function descend(choice: Choice, document: Document, depth: number): Promise<ImageDocument> {
  const image = asImage(document)
  if (image) return image
  const { reference, client, platform } = choice
  const wanted = platform === undefined || platform === 'all' ? ownPlatform() : platform
  const manifests = document.manifest.kind === 'index' ? document.manifest.manifests : []
  const one = choosePlatform(manifests, wanted, formatReference(reference))
  if (depth === 0) throw tooDeep(reference)
  const next = await fetchDocument(client, reference.repository, one.digest)
  return await descend(choice, next, depth - 1)
}

async function gather(
  choice: Choice,
  document: Document,
  depth: number,
): Promise<Pick<Chosen, 'indexes' | 'images'>> {
  const image = asImage(document)
  if (image) return { indexes: [], images: [image] }
  if (depth === 0) throw tooDeep(choice.reference)
  const { client, reference } = choice
  const manifests = document.manifest.kind === 'index' ? document.manifest.manifests : []
  const below = await Promise.all(
    manifests.map(async ({ digest }) =>
      gather(choice, await fetchDocument(client, reference.repository, digest), depth - 1),
    ),
  )
  return {
    indexes: [document, ...below.flatMap(({ indexes }) => indexes)],
    images: below.flatMap(({ images }) => images),
  }
}

async function readConfig(choice: Choice, config: Descriptor) {
  const blob = await readSmall(config, choice)
  try {
    const { os, architecture, variant, rootfs } = JSON.parse(blob.bytes.toString('utf8')) as {
      readonly os?: string
      readonly architecture?: string
      readonly variant?: string
      readonly rootfs?: { readonly diff_ids?: readonly string[] }
    }
    const platform: Platform | undefined =
      os && architecture ? { os, architecture, ...(variant && { variant }) } : undefined
    return { blob, platform, diffIds: rootfs?.diff_ids ?? [] }
  } catch {
    const where = formatReference(choice.reference)
    throw new UserError('IMAGE', `${where}: the image's configuration is no JSON`)
  }
}

function oneOnly(where: string): UserError {
  return new UserError(
    'USAGE',
    `${where}: a docker archive has one platform; for all of them add --format oci-archive`,
  )
}

function tooDeep(reference: Reference): UserError {
  return new UserError(
    'IMAGE',
    `${formatReference(reference)}: indexes in indexes, ${DEEPEST} deep; name one by its digest`,
  )
}
