/** What is done about a push before the registry sees it, in one visible order. */

import type { Reply } from './upstream.ts'
import { UserError } from '../domain/errors.ts'
import type { Mapping } from '../domain/mapping.ts'
import type { NewRepository, PushRules } from '../domain/push-rules.ts'
import { findLabels, type LabelStore, type Tap, tapLabels } from './labels.ts'
import {
  isDigest,
  isReference,
  KINDS,
  type Manifest,
  MANIFEST_LIMIT,
  readManifest,
} from './manifest.ts'
import { type Place, placeOf } from './place.ts'
import {
  checkLabels,
  checkManifest,
  checkRepository,
  checkTags,
  denied,
  immutableOf,
  isSome,
} from './push-rules.ts'
import { Refusal } from './refusal.ts'
import type { Repositories } from './repositories.ts'

export type Pushes = {
  readonly rulesFor: (mapping: Mapping) => PushRules | undefined
  /** The reason of a hook that refuses. */
  readonly askHook: (rules: PushRules, question: HookQuestion) => Promise<string | undefined>
  readonly labels: LabelStore
  readonly repositories: Repositories
  /** Makes sure that a repository is there, named as the registry does. Throws a UserError. */
  readonly createRepository: (
    mapping: Mapping,
    repository: string,
    settings: NewRepository,
  ) => Promise<void>
}

/** What a hook is told: names as the client has them. */
export type HookQuestion = {
  readonly client: string
  readonly name: string
  readonly registry: string
  readonly repository: string
  readonly reference: string
  readonly digest: string
  readonly mediaType: string
  readonly manifest: unknown
  /** Bytes of the manifest, and of configuration and layers together where it has them. */
  readonly sizes: { readonly manifest: number; readonly content?: number }
}

/** A request that may be a push. */
export type Push = {
  readonly mapping: Mapping
  readonly client: string
  readonly method: string
  /** As the client has it, without a prefix. */
  readonly target: string
  readonly contentType: string
  /** The body; `undefined` where it is longer than that. */
  readonly read: (most: number) => Promise<Buffer | undefined>
  /** Asks the registry with the credentials of the push; a redirect to a bucket is followed. */
  readonly ask: (question: Aside) => Promise<Reply>
}

/** What the registry is asked before a push goes on; the target without a prefix. */
export type Aside = {
  readonly method: 'GET' | 'HEAD'
  readonly target: string
  readonly accept: string
}

/** What else there is to do about a request that goes on. */
export type Checked = {
  /** Its body, where that was read to be checked. */
  readonly body?: Buffer
  readonly tap?: Tap
  /** Told when the registry gave no answer. */
  readonly failed?: () => void
}

/** Checks a push by the rules of its mapping; what breaks one throws a Refusal. */
export async function checkPush(pushes: Pushes, push: Push): Promise<Checked> {
  const rules = pushes.rulesFor(push.mapping)
  if (!rules || ['GET', 'HEAD', 'OPTIONS'].includes(push.method)) return {}
  const place = placeOf(push.target.split('?')[0] ?? '')
  // Encoded, it could be one thing here and another at the registry.
  if (!('repository' in place)) throw denied('a push names its repository as it is, not encoded')
  const at = { rules, place, push }
  checkRepository(rules, place.repository)
  if (place.kind === 'manifests') {
    if (!isReference(place.reference)) throw denied('a push names its tag or digest as it is')
    if (push.method === 'DELETE') return checkDelete(at)
    return await checkManifestPut(pushes, at)
  }
  if (place.kind !== 'uploads') return {}
  const failed = push.method === 'POST' ? await createAbsent(pushes, at) : undefined
  return {
    ...(isSome(rules.requireLabels) && { tap: tapLabels(pushes.labels) }),
    ...(failed && { failed }),
  }
}

type Named = Extract<Place, { readonly repository: string }>
type At = { readonly rules: PushRules; readonly place: Named; readonly push: Push }

async function checkManifestPut(pushes: Pushes, at: At): Promise<Checked> {
  const { rules, place, push } = at
  const tags = tagsOf(place, push)
  checkTags(rules, tags)
  const body = await push.read(MANIFEST_LIMIT)
  if (!body) throw TOO_LONG
  const manifest = readManifest(body, { ...push, reference: place.reference })
  checkManifest(rules, manifest, tags)
  await checkLabelsOf(pushes, manifest, at)
  for (const tag of immutableOf(rules, tags)) await checkUnchanged(tag, manifest, at)
  await passHook(pushes, { manifest, body }, at)
  const failed = await createAbsent(pushes, at)
  return { body, ...(failed && { failed }) }
}

const TOO_LONG = new Refusal(
  413,
  'MANIFEST_INVALID',
  `the manifest is over ${MANIFEST_LIMIT} bytes, which no registry takes`,
)

// A manifest that is put by its digest can be given tags in the query (distribution-spec 1.2).
function tagsOf({ reference }: Named, { target }: Push): readonly string[] {
  const query = new URLSearchParams(target.split('?')[1] ?? '')
  return [...(isDigest(reference) ? [] : [reference]), ...query.getAll('tag')]
}

function checkDelete({ rules, place: { reference } }: At): Checked {
  const isMeant = isDigest(reference)
    ? (rules.immutableTags ?? []).length > 0
    : immutableOf(rules, [reference]).length > 0
  if (!isMeant) return {}
  throw denied(
    isDigest(reference)
      ? `${reference}: an immutable tag could go with it, so nothing is deleted by digest here`
      : `${reference}: the tag is immutable here, so it can't be deleted`,
  )
}

async function checkLabelsOf(
  { labels }: Pushes,
  { labelled }: Manifest,
  { rules, place, push }: At,
): Promise<void> {
  if (labelled === undefined || !isSome(rules.requireLabels)) return
  const target = `/v2/${place.repository}/blobs/${labelled}`
  const found = await findLabels(labels, labelled, () =>
    push.ask({ method: 'GET', target, accept: '*/*' }),
  )
  if (found) checkLabels(rules, found)
}

async function checkUnchanged(
  tag: string,
  { digest }: Manifest,
  { place, push }: At,
): Promise<void> {
  const target = `/v2/${place.repository}/manifests/${tag}`
  const reply = await push.ask({ method: 'HEAD', target, accept: [...KINDS.keys()].join(', ') })
  reply.on('error', () => {})
  reply.resume()
  const status = reply.statusCode ?? 0
  // Whom the registry does not know it will refuse by itself.
  if (status === 404 || status === 401) return
  const there = reply.headers['docker-content-digest']
  if (status !== 200 || there === undefined) {
    throw denied(
      `${tag}: the tag is immutable here, and the registry did not tell what it has (status ${status})`,
    )
  }
  if (there !== digest) {
    throw denied(`${tag}: the tag is immutable here and has another image; push with a new tag`)
  }
}

async function passHook(
  pushes: Pushes,
  { manifest, body }: { readonly manifest: Manifest; readonly body: Buffer },
  { rules, place, push: { client, mapping } }: At,
): Promise<void> {
  if (!rules.hook || rules.hook.length === 0) return
  const { digest, mediaType, json, size } = manifest
  const reason = await pushes.askHook(rules, {
    client,
    name: mapping.name,
    registry: mapping.registry.host,
    repository: place.repository,
    reference: place.reference,
    digest,
    mediaType,
    manifest: json,
    sizes: { manifest: body.length, ...(size !== undefined && { content: size }) },
  })
  if (reason !== undefined) throw denied(reason)
}

// ECR drops the connection of an upload to a repository that is absent, without an answer.
async function createAbsent(
  { repositories, createRepository }: Pushes,
  { rules, place, push: { mapping } }: At,
): Promise<(() => void) | undefined> {
  const settings = rules.createRepository
  if (!settings) return undefined
  const repository = `${mapping.prefix ?? ''}${place.repository}`
  const key = `${mapping.registry.host}/${repository}`
  try {
    await repositories.ensure(key, () => createRepository(mapping, repository, settings))
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    const isDenied = error.code === 'ACCESS_DENIED'
    const message = `${place.repository} can't be created: ${error.message}`
    throw new Refusal(isDenied ? 403 : 424, isDenied ? 'DENIED' : 'UNAVAILABLE', message, {
      cause: error,
    })
  }
  return () => repositories.forget(key)
}
