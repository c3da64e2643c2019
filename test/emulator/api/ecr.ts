/** Amazon ECR: tokens, repositories, images. */

import { isRepositoryName, type RegistryId, type Repository, type Tag } from '../content.ts'
import { authorise } from '../emulation.ts'
import { Refusal } from '../exchange.ts'
import { page } from '../pages.ts'
import { mintPassword } from '../tokens.ts'
import { layerActions } from './ecr-layers.ts'
import { type Action, type Ask, JSON_DIALECT } from './json.ts'
import { problem } from './signed.ts'

export const ECR_ACTIONS: Readonly<Record<string, Action>> = {
  GetAuthorizationToken: getAuthorizationToken,
  CreateRepository: createRepository,
  DescribeRepositories: describeRepositories,
  ListTagsForResource: listTagsForResource,
  DeleteRepository: deleteRepository,
  ListImages: listImages,
  DescribeImages: describeImages,
  ...layerActions(async (ask, action) => {
    const name = text(ask, 'repositoryName')
    allow(ask, action, arnOf(registryOf(ask), name))
    allowByRepository(ask, action, name)
    return await repositoryNamed(ask, name)
  }),
}

function getAuthorizationToken(ask: Ask): object {
  allow(ask, 'GetAuthorizationToken', '*')
  const { emulation, caller, input } = ask
  const { settings, now, key } = emulation
  const accounts = input['registryIds'] ?? [caller.principal.account]
  if (!isAccounts(accounts)) {
    throw problem(JSON_DIALECT, 'invalid', "Invalid parameter at 'registryIds'")
  }
  const expiresAt = now().getTime() / 1000 + settings.tokenSeconds
  const claims = {
    kind: 'private',
    principal: caller.principal.arn,
    region: caller.region,
    expiration: Math.floor(expiresAt),
  } as const
  return {
    authorizationData: accounts.map((account) => ({
      authorizationToken: btoa(`AWS:${mintPassword(key, claims, settings.tokenBytes)}`),
      expiresAt,
      proxyEndpoint: `https://${registryHost(account, caller.region)}`,
    })),
  }
}

/** The plain host of a registry: what GetAuthorizationToken and every repository URI name. */
export function registryHost(account: string, region: string): string {
  const [, suffix = 'amazonaws.com'] =
    SUFFIXES.find(([prefix]) => region.startsWith(`${prefix}-`)) ?? []
  return `${account}.dkr.ecr.${region}.${suffix}`
}

const SUFFIXES = [
  ['cn', 'amazonaws.com.cn'],
  ['us-iso', 'c2s.ic.gov'],
  ['us-isob', 'sc2s.sgov.gov'],
  ['us-isof', 'csp.hci.ic.gov'],
  ['eu-isoe', 'cloud.adc-e.uk'],
  ['eusc', 'amazonaws.eu'],
] as const

async function createRepository(ask: Ask): Promise<object> {
  const name = text(ask, 'repositoryName')
  const registry = registryOf(ask)
  allow(ask, 'CreateRepository', arnOf(registry, name))
  if (!isRepositoryName(name)) {
    throw problem(JSON_DIALECT, 'invalid', "Invalid parameter at 'repositoryName'")
  }
  const { input } = ask
  const tags = (input['tags'] ?? []) as readonly Tag[]
  if (tags.length > 0) allow(ask, 'TagResource', arnOf(registry, name))
  const { scanOnPush } = (input['imageScanningConfiguration'] ?? {}) as { scanOnPush?: boolean }
  const { kmsKey } = (input['encryptionConfiguration'] ?? {}) as { kmsKey?: string }
  const facts = {
    name,
    immutable: input['imageTagMutability'] === 'IMMUTABLE',
    createdAt: ask.emulation.now(),
    tags,
    ...(scanOnPush && { scanOnPush }),
    ...(kmsKey !== undefined && { kmsKey }),
  }
  const created = await ask.emulation.content.create(registry, facts)
  if (created) return { repository: toRepository(registry, created) }
  throw new Refusal(
    400,
    'RepositoryAlreadyExistsException',
    `The repository with name '${name}' already exists in the registry with id '${registry.account}'`,
  )
}

async function describeRepositories(ask: Ask): Promise<object> {
  const registry = registryOf(ask)
  allow(ask, 'DescribeRepositories', arnOf(registry, '*'))
  const names = ask.input['repositoryNames']
  if (Array.isArray(names)) {
    const found = await Promise.all(names.map((name) => repositoryNamed(ask, String(name))))
    return { repositories: found.map(({ facts }) => toRepository(registry, facts)) }
  }
  const all = await ask.emulation.content.repositories(registry)
  const { items, next } = pageOf(ask, all, ({ name }) => name)
  return { repositories: items.map((facts) => toRepository(registry, facts)), nextToken: next }
}

async function listTagsForResource(ask: Ask): Promise<object> {
  const arn = text(ask, 'resourceArn')
  allow(ask, 'ListTagsForResource', arn)
  const { facts } = await repositoryNamed(ask, arn.replace(/^.*:repository\//, ''))
  return { tags: facts.tags ?? [] }
}

async function deleteRepository(ask: Ask): Promise<object> {
  const registry = registryOf(ask)
  const name = text(ask, 'repositoryName')
  allow(ask, 'DeleteRepository', arnOf(registry, name))
  const repository = await repositoryNamed(ask, name)
  if (ask.input['force'] !== true && (await repository.manifests()).length > 0) {
    throw new Refusal(
      400,
      'RepositoryNotEmptyException',
      `The repository with name '${name}' in registry with id '${registry.account}' cannot be deleted because it still contains images`,
    )
  }
  await ask.emulation.content.delete(registry, name)
  return { repository: toRepository(registry, repository.facts) }
}

async function listImages(ask: Ask): Promise<object> {
  allow(ask, 'ListImages', arnOf(registryOf(ask), text(ask, 'repositoryName')))
  const images = await imagesOf(await repositoryNamed(ask, text(ask, 'repositoryName')))
  const ids = images.flatMap(({ digest, tags }) =>
    tags.length === 0
      ? [{ imageDigest: digest }]
      : tags.map((imageTag) => ({ imageDigest: digest, imageTag })),
  )
  const { items, next } = pageOf(ask, ids, (id) => JSON.stringify(id))
  return { imageIds: items, nextToken: next }
}

async function describeImages(ask: Ask): Promise<object> {
  const registry = registryOf(ask)
  const repositoryName = text(ask, 'repositoryName')
  allow(ask, 'DescribeImages', arnOf(registry, repositoryName))
  const images = await imagesOf(await repositoryNamed(ask, repositoryName))
  const { items, next } = pageOf(ask, wanted(ask, images), ({ digest }) => digest)
  const imageDetails = items.map(({ digest, tags, size, mediaType, pushedAt }) => ({
    registryId: registry.account,
    repositoryName,
    imageDigest: digest,
    ...(tags.length > 0 && { imageTags: tags }),
    imageSizeInBytes: size,
    imagePushedAt: pushedAt.getTime() / 1000,
    imageManifestMediaType: mediaType,
  }))
  return { imageDetails, nextToken: next }
}

type Image = Awaited<ReturnType<typeof imagesOf>>[number]

const imagesOf = async (repository: Repository) => {
  const tags = [...(await repository.tags())]
  const images = (await repository.manifests()).map(async (facts) => ({
    ...facts,
    size: layersSize(await repository.readManifest(facts.digest)),
    tags: tags.filter(([, digest]) => digest === facts.digest).map(([tag]) => tag),
  }))
  return Promise.all(images)
}

// An index has none of its own: ECR tells no size for it either.
const layersSize = (manifest: Buffer) => {
  const { layers = [] } = JSON.parse(manifest.toString()) as { layers?: { size: number }[] }
  return layers.reduce((sum, { size }) => sum + size, 0)
}

const wanted = ({ input }: Ask, images: readonly Image[]) => {
  const ids = input['imageIds'] as
    readonly { imageDigest?: string; imageTag?: string }[] | undefined
  if (!ids) return images
  return ids.map(({ imageDigest, imageTag = '' }) => {
    const image = images.find(
      ({ digest, tags }) => digest === imageDigest || tags.includes(imageTag),
    )
    if (image) return image
    throw new Refusal(
      400,
      'ImageNotFoundException',
      `The image with imageId {imageDigest:'${imageDigest}', imageTag:'${imageTag}'} does not exist within the repository`,
    )
  })
}

const allow = ({ emulation, exchange }: Ask, action: string, resource: string) =>
  authorise(emulation, exchange, { action: `ecr:${action}`, resource }, (message) =>
    problem(JSON_DIALECT, 'denied', message),
  )

const allowByRepository = ({ emulation, caller, input }: Ask, action: string, name: string) => {
  const { deny = [] } = emulation.settings.repositoryPolicies[name] ?? {}
  if (!deny.includes(`ecr:${action}`)) return
  const resource = arnOf(registryOf({ caller, input }), name)
  throw problem(
    JSON_DIALECT,
    'denied',
    `User: ${caller.principal.arn} is not authorized to perform: ecr:${action} on resource: ${resource} with an explicit deny in a resource-based policy`,
  )
}

const registryOf = ({ caller, input }: Pick<Ask, 'caller' | 'input'>): RegistryId => ({
  account: (input['registryId'] as string | undefined) ?? caller.principal.account,
  region: caller.region,
})

const repositoryNamed = async (ask: Ask, name: string) => {
  const registry = registryOf(ask)
  const repository = await ask.emulation.content.repository(registry, name)
  if (repository) return repository
  throw new Refusal(
    400,
    'RepositoryNotFoundException',
    `The repository with name '${name}' does not exist in the registry with id '${registry.account}'`,
  )
}

const text = ({ input }: Ask, name: string) => {
  const value = input[name]
  if (typeof value === 'string') return value
  throw problem(JSON_DIALECT, 'invalid', `Invalid parameter at '${name}'`)
}

const pageOf = <Item>({ input }: Ask, all: readonly Item[], key: (item: Item) => string) =>
  page(all, key, Number(input['maxResults'] ?? 100), input['nextToken'] as string | undefined)

const toRepository = (
  registry: RegistryId,
  { name, immutable, createdAt, scanOnPush = false, kmsKey }: Repository['facts'],
) => ({
  repositoryArn: arnOf(registry, name),
  registryId: registry.account,
  repositoryName: name,
  repositoryUri: `${registryHost(registry.account, registry.region)}/${name}`,
  createdAt: createdAt.getTime() / 1000,
  imageTagMutability: immutable ? 'IMMUTABLE' : 'MUTABLE',
  imageScanningConfiguration: { scanOnPush },
  encryptionConfiguration:
    kmsKey === undefined ? { encryptionType: 'AES256' } : { encryptionType: 'KMS', kmsKey },
})

const arnOf = ({ account, region }: RegistryId, name: string) =>
  `arn:aws:ecr:${region}:${account}:repository/${name}`

const isAccounts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) &&
  value.length > 0 &&
  value.length <= 10 &&
  value.every((item) => typeof item === 'string' && /^\d{12}$/.test(item))
