/** Manifests: HEAD tells the digest, GET does not; bad ones are refused with 405. */

import { type ManifestFacts, digestOf, type Repository } from '../content.ts'
import { readBody, Refusal, send } from '../exchange.ts'
import {
  isDigest,
  isTag,
  REGISTRY_HEADERS,
  repositoryOf,
  sendEmpty,
  sendNotFound,
  type Visit,
} from './visit.ts'

type Descriptor = { readonly digest: string; readonly size?: number; readonly urls?: unknown }

type Manifest = {
  readonly schemaVersion?: number
  readonly mediaType?: string
  readonly artifactType?: string
  readonly annotations?: unknown
  readonly config?: Descriptor & { readonly mediaType?: string }
  readonly layers?: readonly Descriptor[]
  readonly manifests?: readonly (Descriptor & {
    readonly platform?: { readonly architecture?: string; readonly os?: string }
  })[]
  readonly subject?: Descriptor
}

const OCI_INDEX = 'application/vnd.oci.image.index.v1+json'
const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json'
const MEDIA_TYPES = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
  OCI_INDEX,
  DOCKER_LIST,
]

/** Answers GET and HEAD. */
export async function getManifest(visit: Visit): Promise<void> {
  const { request, response } = visit.exchange
  const repository = await repositoryOf(visit)
  const found = await findManifest(repository, visit.reference)
  const { digest, mediaType, size } = await acceptable(visit, repository, found)
  const headers = { ...REGISTRY_HEADERS, 'Content-Type': mediaType, Sizes: '' }
  if (request.method === 'GET') {
    return send(response, 200, headers, await repository.readManifest(digest))
  }
  const length = { 'Content-Length': String(size), 'Docker-Content-Digest': digest }
  response.writeHead(200, { ...headers, ...length }).end()
}

/** Answers PUT, without a Location. */
export async function putManifest(visit: Visit): Promise<void> {
  const { request, response } = visit.exchange
  const repository = await repositoryOf(visit)
  const bytes = await readBody(request)
  const { manifest, mediaType } = parseManifest(bytes, request.headers['content-type'])
  await checkReferences(repository, manifest)
  const digest = digestOf(bytes)
  await checkReference(repository, visit.reference, digest)
  await repository.addManifest(bytes, mediaType, visit.emulation.now())
  if (!isDigest(visit.reference)) await repository.setTag(visit.reference, digest)
  sendEmpty(response, 201, {
    'Docker-Content-Digest': digest,
    ...(manifest.subject && { 'OCI-Subject': manifest.subject.digest }),
  })
}

/** Answers DELETE, if the settings say that it works. */
export async function deleteManifest(visit: Visit): Promise<void> {
  const { emulation, exchange, reference } = visit
  if (!emulation.settings.deletes) return sendNotFound(exchange)
  const repository = await repositoryOf(visit)
  const { digest } = await findManifest(repository, reference)
  for (const [tag, tagged] of await repository.tags()) {
    if (tag === reference || (isDigest(reference) && tagged === digest)) {
      await repository.deleteTag(tag)
    }
  }
  if (isDigest(reference)) await repository.deleteManifest(digest)
  sendEmpty(exchange.response, 202)
}

/** Answers with an index of the manifests that name the digest as their subject. */
export async function getReferrers(visit: Visit): Promise<void> {
  const { response, url } = visit.exchange
  const repository = await repositoryOf(visit)
  const wanted = url.searchParams.get('artifactType')
  const stored = await Promise.all(
    (await repository.manifests()).map(async (facts) => ({
      facts,
      manifest: JSON.parse(String(await repository.readManifest(facts.digest))) as Manifest,
    })),
  )
  const manifests = stored
    .filter(({ manifest }) => manifest.subject?.digest === visit.reference)
    .map(toDescriptor)
    .filter(({ artifactType }) => wanted === null || artifactType === wanted)
  const filtered = wanted !== null && { 'OCI-Filters-Applied': 'artifactType' }
  const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests }
  const headers = { ...REGISTRY_HEADERS, 'Content-Type': OCI_INDEX, ...filtered }
  send(response, 200, headers, JSON.stringify(index))
}

/** Whether some manifest of the repository names a blob. */
export async function isReferenced(repository: Repository, digest: string): Promise<boolean> {
  for (const manifest of await repository.manifests()) {
    if ((await repository.readManifest(manifest.digest)).includes(digest)) return true
  }
  return false
}

const findManifest = async (repository: Repository, reference: string): Promise<ManifestFacts> => {
  const digest = isTag(reference) ? await repository.tag(reference) : reference
  const facts = digest && isDigest(digest) ? await repository.manifest(digest) : undefined
  if (!facts) throw new Refusal(404, 'MANIFEST_UNKNOWN', 'Requested image not found')
  return facts
}

const acceptable = async (visit: Visit, repository: Repository, facts: ManifestFacts) => {
  const { accept = '*/*' } = visit.exchange.request.headers
  const takes = accept.includes(facts.mediaType) || accept.includes('*/*')
  const isIndex = facts.mediaType === OCI_INDEX || facts.mediaType === DOCKER_LIST
  if (takes || !isIndex || !visit.emulation.settings.downgradesIndex) return facts
  const index = JSON.parse(String(await repository.readManifest(facts.digest))) as Manifest
  const choices = index.manifests ?? []
  const choice = choices.find(({ platform }) => platform?.architecture === 'amd64') ?? choices[0]
  return (choice && (await repository.manifest(choice.digest))) ?? facts
}

const parseManifest = (bytes: Buffer, contentType = '') => {
  try {
    const manifest = JSON.parse(bytes.toString()) as Manifest
    const mediaType = contentType || manifest.mediaType || ''
    if (manifest.schemaVersion === 2 && MEDIA_TYPES.includes(mediaType)) {
      return { manifest, mediaType }
    }
  } catch {
    // Refused below, in the same words as every other bad manifest.
  }
  throw unsupported("'ImageManifest'", "'Invalid JSON syntax'")
}

/** A parameter that breaks a rule of the API behind the registry. */
export function unsupported(parameter: string, rule: string): Refusal {
  return new Refusal(
    405,
    'UNSUPPORTED',
    `Invalid parameter at ${parameter} failed to satisfy constraint: ${rule}`,
  )
}

const checkReferences = async (repository: Repository, manifest: Manifest) => {
  const blobs = [manifest.config, ...(manifest.layers ?? [])].filter((blob) => blob !== undefined)
  for (const { digest, urls } of blobs) {
    if (urls || (isDigest(digest) && (await repository.blobSize(digest)) !== undefined)) continue
    throw new Refusal(400, 'MANIFEST_BLOB_UNKNOWN', `Layers with digests '[${digest}]' not found`)
  }
  for (const { digest } of manifest.manifests ?? []) {
    if (isDigest(digest) && (await repository.manifest(digest))) continue
    throw new Refusal(400, 'MANIFEST_BLOB_UNKNOWN', `Images with digests '[${digest}]' not found`)
  }
}

const checkReference = async (repository: Repository, reference: string, digest: string) => {
  const { name, immutable } = repository.facts
  if (isDigest(reference)) {
    if (reference === digest) return
    throw new Refusal(400, 'DIGEST_INVALID', 'The provided digest does not match the manifest')
  }
  if (!isTag(reference)) throw new Refusal(400, 'TAG_INVALID', `Invalid tag '${reference}'`)
  const tagged = await repository.tag(reference)
  if (!immutable || tagged === undefined || tagged === digest) return
  throw new Refusal(
    400,
    'TAG_INVALID',
    `The image tag '${reference}' already exists in the '${name}' repository and cannot be overwritten because the tag is immutable.`,
  )
}

const toDescriptor = ({ facts, manifest }: { facts: ManifestFacts; manifest: Manifest }) => ({
  mediaType: facts.mediaType,
  digest: facts.digest,
  size: facts.size,
  artifactType: manifest.artifactType ?? manifest.config?.mediaType,
  annotations: manifest.annotations,
})
