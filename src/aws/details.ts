/** What ECR's API tells of repositories and images beyond what a registry does. */

import {
  DescribeImagesCommand,
  DescribeRepositoriesCommand,
  ECRClient,
  type ImageDetail,
  type Repository,
} from '@aws-sdk/client-ecr'
import type { Registry } from '../domain/registry.ts'
import { type MintOptions, withConfig } from './mint.ts'
import type { Principal } from './principal.ts'

export type TagDetails = {
  readonly digest: string
  /** Bytes; an index has none of its own. */
  readonly size?: number
  readonly pushedAt?: string
}

export type RepositoryDetails = { readonly uri?: string; readonly createdAt?: string }

/** Digest, size and time of each tag. Throws a UserError where AWS refuses. */
export async function describeTags(
  registry: Registry,
  principal: Principal,
  repositoryName: string,
  options: MintOptions,
): Promise<ReadonlyMap<string, TagDetails>> {
  const id = registry.account === undefined ? {} : { registryId: registry.account }
  const images = await withConfig(registry, principal, options, async (config) => {
    const client = new ECRClient(config)
    const all: ImageDetail[] = []
    let nextToken: string | undefined
    do {
      const input = { ...id, repositoryName, maxResults: 1000, filter: TAGGED, ...next(nextToken) }
      const page = await client.send(new DescribeImagesCommand(input), {
        abortSignal: options.signal,
      })
      all.push(...(page.imageDetails ?? []))
      nextToken = page.nextToken
    } while (nextToken)
    return all
  })
  return new Map(
    images.flatMap((image) => (image.imageTags ?? []).map((tag) => [tag, toDetails(image)])),
  )
}

/** When repositories were made, and what they are called in full. */
export async function describeRepositories(
  registry: Registry,
  principal: Principal,
  options: MintOptions,
): Promise<ReadonlyMap<string, RepositoryDetails>> {
  const id = registry.account === undefined ? {} : { registryId: registry.account }
  const repositories = await withConfig(registry, principal, options, async (config) => {
    const client = new ECRClient(config)
    const all: Repository[] = []
    let nextToken: string | undefined
    do {
      const input = { ...id, maxResults: 1000, ...next(nextToken) }
      const page = await client.send(new DescribeRepositoriesCommand(input), {
        abortSignal: options.signal,
      })
      all.push(...(page.repositories ?? []))
      nextToken = page.nextToken
    } while (nextToken)
    return all
  })
  return new Map(
    repositories.map(({ repositoryName = '', repositoryUri: uri, createdAt }) => [
      repositoryName,
      {
        ...(uri !== undefined && { uri }),
        ...(createdAt && { createdAt: createdAt.toISOString() }),
      },
    ]),
  )
}

const TAGGED = { tagStatus: 'TAGGED' } as const

function next(nextToken: string | undefined) {
  return nextToken === undefined ? {} : { nextToken }
}

function toDetails({ imageDigest = '', imageSizeInBytes, imagePushedAt }: ImageDetail): TagDetails {
  return {
    digest: imageDigest,
    ...(imageSizeInBytes !== undefined && { size: imageSizeInBytes }),
    ...(imagePushedAt && { pushedAt: imagePushedAt.toISOString() }),
  }
}
