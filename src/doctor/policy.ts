/** Policies to be pasted: what is missing, and nothing else. */

import { partitionOf } from '../domain/partition.ts'
import type { Registry } from '../domain/registry.ts'

type Statement = {
  readonly Effect: 'Allow'
  readonly Principal?: { readonly AWS: string }
  readonly Action: readonly string[]
  readonly Resource?: string
}

/** A policy for an identity that may mint tokens. */
export function mintPolicy({ kind }: Pick<Registry, 'kind'>): string {
  const Action =
    kind === 'public'
      ? ['ecr-public:GetAuthorizationToken', 'sts:GetServiceBearerToken']
      : ['ecr:GetAuthorizationToken']
  return toPolicy({ Effect: 'Allow', Action, Resource: '*' })
}

/** A policy for an identity that may do some actions in a repository, or in all. */
export function identityPolicy(
  Action: readonly string[],
  { account = '*', region }: Registry,
  repository = '*',
): string {
  const Resource = `arn:${partitionOf(region)}:ecr:${region}:${account}:repository/${repository}`
  return toPolicy({ Effect: 'Allow', Action, Resource })
}

/** A policy for a repository that lets an identity do some actions. */
export function repositoryPolicy(Action: readonly string[], arn: string): string {
  return toPolicy({ Effect: 'Allow', Principal: { AWS: arn }, Action })
}

function toPolicy(statement: Statement): string {
  return JSON.stringify({ Version: '2012-10-17', Statement: [statement] }, null, 2)
}
