/** What Codeship's services for ECR are told by their environment. */

import { UserError } from './errors.ts'
import type { Mapping } from './mapping.ts'
import { partitionOf } from './partition.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** The role of AWS_STS_ROLE, in the account of AWS_STS_ACCOUNT; a role's ARN needs no account. */
export function codeshipRole(
  env: Environment,
): Pick<Mapping, 'roleArn' | 'roleSessionName'> | undefined {
  const [role, account] = [env['AWS_STS_ROLE'] || '', env['AWS_STS_ACCOUNT'] || '']
  if (role === '' && account === '') return undefined
  const roleSessionName = 'aws_docker_creds'
  if (/^arn:[a-z-]+:iam::\d{12}:role\/\S+$/.test(role)) return { roleArn: role, roleSessionName }
  if (/^[\w+=,.@/-]+$/.test(role) && /^\d{12}$/.test(account)) {
    const partition = partitionOf(env['AWS_REGION'] || env['AWS_DEFAULT_REGION'] || '')
    return { roleArn: `arn:${partition}:iam::${account}:role/${role}`, roleSessionName }
  }
  throw new UserError(
    'USAGE',
    'AWS_STS_ROLE and AWS_STS_ACCOUNT: expected a role and the twelve digits of its account',
  )
}
