/** Repositories of a registry: looked for, and created where they are absent. */

import type { ECRClient } from '@aws-sdk/client-ecr'
import type * as ecr from './ecr-repositories.ts'
import type { NewRepository } from '../domain/push-rules.ts'
import type { Registry } from '../domain/registry.ts'
import { credentialsOf } from './credentials.ts'
import { explain } from './explain.ts'
import { handlerFor, rejection } from './handler.ts'
import { endpointFlags, type MintOptions } from './mint.ts'
import type { Principal } from './principal.ts'

export type Wanted = {
  readonly registry: Registry
  readonly principal: Principal
  readonly repository: string
  readonly settings: NewRepository
}

/**
 * Makes sure that a repository is there; whether it had to be created. Throws a UserError that
 * names the cause and the next step. Another one that creates it at the same time is no failure.
 * API: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
 */
export async function ensureRepository(
  wanted: Wanted,
  { env, signal }: MintOptions,
): Promise<boolean> {
  const { registry, principal } = wanted
  const handler = await handlerFor(env)
  const settings = { region: registry.region, ...handler }
  let action = 'DescribeRepositories'
  try {
    const credentials = await credentialsOf(principal, { ...settings, env })
    const sdk = await import('./ecr-repositories.ts')
    const client = new sdk.ECRClient({ ...settings, ...endpointFlags(registry, env), credentials })
    const asked = exists(sdk, client, wanted, signal)
    if (await Promise.race([asked, rejection(signal)])) return false
    action = 'CreateRepository'
    return await Promise.race([create(sdk, client, wanted, signal), rejection(signal)])
  } catch (error) {
    throw explain(error, { registry, principal, env, action })
  } finally {
    handler.requestHandler.destroy()
  }
}

type Sdk = typeof ecr

async function exists(
  { DescribeRepositoriesCommand }: Sdk,
  client: ECRClient,
  { registry, repository }: Wanted,
  abortSignal: AbortSignal,
): Promise<boolean> {
  const command = new DescribeRepositoriesCommand({
    registryId: registry.account,
    repositoryNames: [repository],
  })
  return await unless('RepositoryNotFoundException', client.send(command, { abortSignal }))
}

async function create(
  { CreateRepositoryCommand }: Sdk,
  client: ECRClient,
  { registry, repository, settings }: Wanted,
  abortSignal: AbortSignal,
): Promise<boolean> {
  const { tags = {}, scanOnPush, imageTagMutability, kmsKey } = settings
  const command = new CreateRepositoryCommand({
    registryId: registry.account,
    repositoryName: repository,
    tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
    ...(scanOnPush !== undefined && { imageScanningConfiguration: { scanOnPush } }),
    ...(imageTagMutability && { imageTagMutability }),
    ...(kmsKey !== undefined && { encryptionConfiguration: { encryptionType: 'KMS', kmsKey } }),
  })
  return await unless('RepositoryAlreadyExistsException', client.send(command, { abortSignal }))
}

// False for the one failure that is an answer.
async function unless(name: string, asked: Promise<unknown>): Promise<boolean> {
  try {
    await asked
    return true
  } catch (error) {
    if ((error as Error).name === name) return false
    throw error
  }
}
