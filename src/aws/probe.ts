/** What a principal may do with a registry, by calls that change nothing; and AWS' time. */

import type { ECRClient } from '@aws-sdk/client-ecr'
import type { NodeHttpHandler } from '@smithy/node-http-handler'
import { oneLine } from '../domain/errors.ts'
import type { Registry } from '../domain/registry.ts'
import { credentialsOf } from './credentials.ts'
import { handlerFor, rejection } from './handler.ts'
import { endpointFlags, type MintOptions } from './mint.ts'
import type { Principal } from './principal.ts'

/** What a pull takes besides the token. */
export const PULL_ACTIONS = [
  'ecr:BatchCheckLayerAvailability',
  'ecr:BatchGetImage',
  'ecr:GetDownloadUrlForLayer',
] as const
/** What lists of repositories and tags take. */
export const LIST_ACTIONS = ['ecr:DescribeRepositories', 'ecr:ListImages'] as const
export type ProbedAction = (typeof PULL_ACTIONS)[number] | (typeof LIST_ACTIONS)[number]

export type Denial = { readonly action: ProbedAction; readonly message: string }

export type Probed = {
  /** The repository that was asked about; undefined where none is known to be there. */
  readonly repository: string | undefined
  /** Whether the one that was named is not there. */
  readonly isAbsent: boolean
  readonly denied: readonly Denial[]
  /** Calls that failed for another reason, so that nothing is known of them. */
  readonly unknown: readonly ProbedAction[]
  /** AWS' clock less ours, in milliseconds. */
  readonly clockOffset: number | undefined
}

export type ProbeOptions = MintOptions & {
  readonly repository?: string
  readonly now: () => number
}

// Authorization comes first at AWS: what is not there is told only to who may ask for it.
const NOWHERE = 'ecr-cname-doctor'
const DIGEST = `sha256:${'0'.repeat(64)}`

/** Asks for each action whether it is allowed. What fails for another reason is not known. */
export async function probe(
  registry: Registry,
  principal: Principal,
  { env, signal, repository, now }: ProbeOptions,
): Promise<Probed> {
  const { requestHandler: handler, logger } = await handlerFor(env)
  const heard: number[] = []
  const requestHandler = withDate(handler, (date) => heard.push(date - now()))
  const settings = { region: registry.region, requestHandler, logger }
  try {
    const credentials = await credentialsOf(principal, { ...settings, env })
    const flags = endpointFlags(registry, env)
    const config = { ...settings, ...flags, credentials, maxAttempts: 2 }
    const outcomes = await askAll(config, { registry, repository, signal })
    return { ...toProbed(outcomes), clockOffset: heard[0] }
  } finally {
    handler.destroy()
  }
}

type ClientConfig = NonNullable<ConstructorParameters<typeof ECRClient>[0]>
type Outcome = { readonly action: ProbedAction; readonly error?: unknown }
type Outcomes = {
  readonly repository: string | undefined
  readonly outcomes: readonly Outcome[]
}
type Wish = {
  readonly registry: Registry
  readonly repository: string | undefined
  readonly signal: AbortSignal
}

async function askAll(config: ClientConfig, { registry, repository, signal }: Wish) {
  const sdk = await import('./ecr-probe.ts')
  const client = new sdk.ECRClient(config)
  const options = { abortSignal: signal }
  const ask = async (action: ProbedAction, call: () => Promise<unknown>): Promise<Outcome> => {
    try {
      await Promise.race([call(), rejection(signal)])
      return { action }
    } catch (error) {
      return { action, error }
    }
  }
  const account = registry.account ? { registryId: registry.account } : {}
  let known = repository
  const list = new sdk.DescribeRepositoriesCommand({
    ...account,
    ...(repository ? { repositoryNames: [repository] } : { maxResults: 1 }),
  })
  const listed = await ask('ecr:DescribeRepositories', async () => {
    const { repositories } = await client.send(list, options)
    known ??= repositories?.[0]?.repositoryName
  })
  const at = { ...account, repositoryName: known ?? NOWHERE }
  const images = new sdk.ListImagesCommand({ ...at, maxResults: 1 })
  const image = new sdk.BatchGetImageCommand({ ...at, imageIds: [{ imageDigest: DIGEST }] })
  const layers = new sdk.BatchCheckLayerAvailabilityCommand({ ...at, layerDigests: [DIGEST] })
  const layer = new sdk.GetDownloadUrlForLayerCommand({ ...at, layerDigest: DIGEST })
  const others = await Promise.all([
    ask('ecr:ListImages', () => client.send(images, options)),
    ask('ecr:BatchGetImage', () => client.send(image, options)),
    ask('ecr:BatchCheckLayerAvailability', () => client.send(layers, options)),
    ask('ecr:GetDownloadUrlForLayer', () => client.send(layer, options)),
  ])
  return { repository: known, outcomes: [listed, ...others] }
}

function toProbed({ repository, outcomes }: Outcomes): Omit<Probed, 'clockOffset'> {
  const named = outcomes.map(({ action, error }) => {
    const { name = '', message = '' } = (error ?? {}) as Partial<Error>
    return { action, name, message: oneLine(message) }
  })
  const known = /^$|NotFound|LayerInaccessible|InvalidParameter|InvalidLayer/
  return {
    repository,
    isAbsent:
      repository !== undefined && named.some(({ name }) => name === 'RepositoryNotFoundException'),
    denied: named.filter(({ name }) => name.includes('AccessDenied')),
    unknown: named
      .filter(({ name }) => !known.test(name) && !name.includes('AccessDenied'))
      .map(({ action }) => action),
  }
}

type RequestHandler = Pick<NodeHttpHandler, 'handle'>

/** A handler that tells the date of each answer. */
function withDate(handler: NodeHttpHandler, told: (date: number) => void): RequestHandler {
  return {
    handle: async (request, options) => {
      const result = await handler.handle(request, options)
      const date = Date.parse(result.response.headers['date'] ?? '')
      if (!Number.isNaN(date)) told(date)
      return result
    },
  }
}
