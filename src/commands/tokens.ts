/** Tokens for a target: the keeper, with the world's clock, AWS, and renewal behind the answer. */

import { UserError } from '../domain/errors.ts'
import type { Mapping } from '../domain/mapping.ts'
import { readServerUrl } from '../domain/names.ts'
import type { Asked } from '../domain/server-url.ts'
import { findLogin } from '../io/logins.ts'
import { type Held, holdToken, renewToken, type Tools } from '../tokens/keeper.ts'
import type { World } from './command.ts'
import { createLog, LEVELS, type Log } from './log.ts'
import { findTarget, lookUpTarget, readSetting, type Target } from './registries.ts'

/** Without `self`, as in a program of others, renewal behind an answer is in this process. */
export type TokenWorld = Pick<World, 'env' | 'now' | 'stderr'> & Partial<Pick<World, 'self'>>

/** What the keeper needs for a target. */
export function toolsFor(
  { mapping, wanted }: Target,
  world: TokenWorld,
  signal: AbortSignal,
): Tools {
  const { env, now, self } = world
  const log = quietLog(world)
  const tools: Tools = {
    env,
    now,
    signal,
    unkept: (error) => log('warn', 'the token was not kept', { error: (error as Error).message }),
    mint: async () => {
      const { profile, roleArn } = mapping
      log('debug', 'minting', { registry: mapping.registry.host, profile, roleArn })
      const { mint } = await import('../aws/mint.ts')
      return await mint(mapping.registry, mapping, { env, signal })
    },
    renewLater: async (tokenFile) => {
      if (self) await startRenewal(self, wanted.name, tokenFile, now())
      else renewToken(wanted, tools).catch(() => {})
    },
  }
  return tools
}

async function startRenewal(
  [program, ...args]: World['self'],
  name: string,
  tokenFile: string,
  now: number,
): Promise<void> {
  // What starts processes is loaded only for that.
  const { renewBehind } = await import('../front/renewal.ts')
  renewBehind(program, [...args, 'renew', name], tokenFile, now)
}

/**
 * A log that is quiet unless it is asked for, by a level that is one: some clients take stderr for
 * output, and nobody's pull is to fail over a log.
 */
export function quietLog({ env, stderr, now }: Pick<World, 'env' | 'stderr' | 'now'>): Log {
  const level = LEVELS.find((one) => one === env['ECR_CNAME_LOG']) ?? 'error'
  return createLog({ level, format: 'pretty', write: stderr, now })
}

/** The AWS identity that is named on the command line. */
export type Principal = Pick<Mapping, 'profile' | 'roleArn' | 'roleSessionName'>

/** A host that is ours, as it was written. */
export type Named = { readonly asked: Asked; readonly target: Target }

/** Finds the registry of a host, which has to be ours. */
export async function nameTarget(host: string, env: World['env']): Promise<Named> {
  const asked = readServerUrl(host)
  if (!asked) {
    throw new UserError('USAGE', `${host || '""'}: expected a host such as docker.company.com`)
  }
  const setting = readSetting(asked, env)
  const target = findTarget(asked, setting) ?? (await lookUpTarget(asked, setting))
  if (target) return { asked, target }
  throw new UserError(
    'CONFIG',
    `${asked.host}: neither mapped nor an ECR host; map it: ecr-cname map add ${asked.host}`,
  )
}

/** Username and password for a name; where AWS gave them, until when they hold. */
export type Granted = Pick<Held, 'username' | 'secret'> & Partial<Pick<Held, 'expiresAt'>>

/** With any identity but the mapping's own no token is kept, for what is kept is the mapping's. */
export type Terms = {
  /** The identity to mint as. */
  readonly as?: Principal
  /** The same, where the mapping has none of its own. */
  readonly otherwise?: Principal
  /** Whether a token past its renewal is renewed before it is handed out, not behind it. */
  readonly fresh?: boolean
}

// Longer than a helper may take: a person waits here, who can stop it.
const DEADLINE_MS = 30_000

/** What `get` would answer for a host that is ours: the login that is kept for it, else a token. */
export async function grant(target: Target, world: TokenWorld, terms: Terms): Promise<Granted> {
  return keptLogin(target, world, terms) ?? (await grantToken(target, world, terms))
}

/** The login that is kept for a name, unless another identity is asked for. */
export function keptLogin({ wanted }: Target, { env }: TokenWorld, { as }: Terms) {
  return as ? undefined : findLogin(wanted.name, env)
}

/** A token for a host that is ours. */
export async function grantToken(target: Target, world: TokenWorld, terms: Terms): Promise<Held> {
  const { as, otherwise, fresh } = terms
  const mapping = { ...otherwise, ...target.mapping, ...as }
  const env = as || otherwise ? { ...world.env, ECR_CNAME_CACHE: 'off' } : world.env
  const signal = AbortSignal.timeout(DEADLINE_MS)
  const { now, stderr, self } = world
  // Not spread: to look at World's `stop` is to take over Ctrl-C.
  const own = { env, now, stderr, ...(self && { self }) }
  const tools = toolsFor({ ...target, mapping }, own, signal)
  return await (fresh ? renewToken : holdToken)(target.wanted, tools)
}
