/** The registries that a command is about: named, or an account's own. */

import { UserError } from '../../domain/errors.ts'
import { registryHost } from '../../domain/partition.ts'
import type { World } from '../command.ts'
import { nameTarget, type Named, type Principal } from '../tokens.ts'

/** Flags that tell whose registry, by whose credentials. */
export type AccountFlags = {
  readonly account?: string
  readonly region?: string
  readonly profile?: string
  readonly 'role-arn'?: string
}

/** The identity that the flags name, if they do. */
export function principalOf({ profile, 'role-arn': roleArn }: AccountFlags): Principal | undefined {
  if (roleArn !== undefined && !/^arn:[a-z-]+:iam::\d{12}:role\/\S+$/.test(roleArn)) {
    const expected = 'a role such as arn:aws:iam::123456789012:role/pull'
    throw new UserError('USAGE', `--role-arn: expected ${expected}, got ${roleArn}`)
  }
  if (!profile && !roleArn) return undefined
  return { ...(profile ? { profile } : {}), ...(roleArn ? { roleArn } : {}) }
}

/** Hosts of ours, and why others are none. */
export type Targets = {
  readonly targets: readonly Named[]
  readonly failures: readonly UserError[]
}

/**
 * The named hosts, and the registry of the account and region that the flags tell. Throws a
 * UserError of code USAGE where one of them is no host.
 */
export async function targetsOf(
  hosts: readonly string[],
  flags: AccountFlags,
  { env }: Pick<World, 'env'>,
): Promise<Targets> {
  const own = flags.account || flags.region ? [await ownRegistry(flags, env)] : []
  const results = await Promise.allSettled([...hosts, ...own].map((host) => nameTarget(host, env)))
  const targets = results.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const reasons = results.flatMap((one) =>
    one.status === 'rejected' ? [one.reason as unknown] : [],
  )
  const failures = reasons.filter((one) => one instanceof UserError)
  const wrong = reasons.find((one) => !(one instanceof UserError) || one.code === 'USAGE')
  if (wrong) throw wrong
  return { targets, failures }
}

/** The host of an account's private registry: the caller's own account and region unless told. */
export async function ownRegistry(
  flags: AccountFlags,
  env: World['env'],
  { principal = principalOf(flags) ?? {}, lacking = NO_REGION }: OwnOptions = {},
): Promise<string> {
  const { regionOf } = await import('../../aws/source.ts')
  const region = flags.region ?? (await regionOf(principal, env))
  if (!region) throw new UserError('USAGE', lacking)
  if (!/^[a-z]{2,}(-[a-z]+)+-\d+$/.test(region)) {
    const place = flags.region === undefined ? 'AWS_REGION or the profile' : '--region'
    throw new UserError('USAGE', `${place}: expected one such as eu-west-1, got ${region}`)
  }
  const account = flags.account ?? (await ownAccount(principal, region, env))
  if (/^\d{12}$/.test(account)) return registryHost(account, region)
  throw new UserError('USAGE', `--account: expected twelve digits, got ${account}`)
}

type OwnOptions = {
  readonly principal?: Principal | undefined
  /** What is said where no region is named. */
  readonly lacking?: string
}

const NO_REGION = 'no region is named; give --region, or set AWS_REGION'

async function ownAccount(principal: Principal, region: string, env: World['env']) {
  const { callerOf } = await import('../../aws/caller.ts')
  const signal = AbortSignal.timeout(CALL_MS)
  return (await callerOf(principal, region, { env, signal })).account
}

const CALL_MS = 30_000
