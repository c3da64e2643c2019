/** `resolve HOST`: what stands behind a name, and why. */

import { UserError } from '../../domain/errors.ts'
import { readServerUrl } from '../../domain/names.ts'
import { partitionOf } from '../../domain/partition.ts'
import { type Asked, nameOf } from '../../domain/server-url.ts'
import { readEntry, stageOf, tokenFile } from '../../front/entry.ts'
import { storeFolder } from '../../front/places.ts'
import { findLogin } from '../../io/logins.ts'
import { readArguments } from '../arguments.ts'
import type { World } from '../command.ts'
import { findTarget, lookUpTarget, readSetting, type Target } from '../registries.ts'
import { duration, paintFor, table, toJson } from '../text.ts'
import { resolveHelp } from './help.ts'
import { sourcedMappings } from './sources.ts'

export async function resolve(args: readonly string[], world: World): Promise<number> {
  const { flags, operands } = readArguments(resolveHelp, args)
  const [host = '', ...more] = operands
  const asked = readServerUrl(host)
  if (!asked || more.length > 0) {
    throw new UserError('USAGE', 'resolve: expected one HOST, such as docker.company.com')
  }
  const found = await find(asked, world.env)
  const { target } = found
  const [caller] = await Promise.allSettled(flags.aws && target ? [askCaller(target, world)] : [])
  const facts = await tell(asked, found, world, caller)
  world.stdout(flags.json ? toJson(facts) : toText(facts, world))
  if (caller?.status === 'rejected') throw caller.reason
  return found.target ? 0 : 1
}

type Rule = 'exact' | 'wildcard' | 'ecr' | 'dns' | 'fallback' | 'none'
type Found = { readonly rule: Rule; readonly where?: string; readonly target?: Target }

async function find(asked: Asked, env: World['env']): Promise<Found> {
  const setting = readSetting(asked, env)
  const target = findTarget(asked, setting)
  if (target) {
    const { name } = target.mapping
    const where = sourcedMappings(env).get(name)?.where
    if (!where) return { rule: 'ecr', target }
    return { rule: name.startsWith('*.') ? 'wildcard' : 'exact', where, target }
  }
  const { fallback } = setting.config
  if (fallback.kind === 'file' && findLogin(nameOf(asked), env)) return { rule: 'fallback' }
  const led = await lookUpTarget(asked, setting)
  if (led) return { rule: 'dns', target: led }
  return { rule: fallback.kind === 'helper' ? 'fallback' : 'none' }
}

type Caller = { readonly account: string; readonly arn: string }

/** What is told, in the order in which it is shown. */
type Facts = {
  readonly host: string
  readonly rule: Rule
  readonly mapping?: string
  readonly where?: string
  readonly registry?: string
  readonly kind?: string
  readonly account?: string
  readonly region?: string
  readonly partition?: string
  readonly connect?: string
  readonly identity?: string
  readonly caller?: Caller
  readonly login?: { readonly username: string }
  readonly token?: Kept
}

type Kept = {
  readonly stage: string
  readonly mintedAt: string
  readonly expiresAt: string
  readonly file: string
}

async function tell(
  asked: Asked,
  { rule, where, target }: Found,
  world: World,
  caller: PromiseSettledResult<Caller> | undefined,
): Promise<Facts> {
  const facts = { host: nameOf(asked), rule, ...(where ? { where } : {}) }
  if (!target) return facts
  const { mapping, wanted } = target
  const { registry, connect } = mapping
  const { sourceOf } = await import('../../aws/source.ts')
  const login = findLogin(wanted.name, world.env)
  const token = keptToken(target, world)
  return {
    ...facts,
    ...(where ? { mapping: mapping.name } : {}),
    registry: registry.host,
    kind: registry.kind,
    ...(registry.account ? { account: registry.account } : {}),
    region: registry.region,
    partition: partitionOf(registry.region),
    ...(connect ? { connect: `${connect.host}:${connect.port ?? 443}` } : {}),
    identity: await sourceOf(mapping, world.env),
    ...(caller?.status === 'fulfilled' ? { caller: caller.value } : {}),
    ...(login ? { login: { username: login.username } } : {}),
    ...(token ? { token } : {}),
  }
}

async function askCaller({ mapping }: Target, { env }: World): Promise<Caller> {
  const { callerOf } = await import('../../aws/caller.ts')
  return await callerOf(mapping, mapping.registry.region, {
    env,
    signal: AbortSignal.timeout(30_000),
  })
}

function keptToken({ wanted: { name, identity } }: Target, { env, now }: World): Kept | undefined {
  const file = tokenFile(storeFolder(env), name, identity)
  const entry = readEntry(file, name, identity)
  if (!entry) return undefined
  return {
    stage: stageOf(entry, now()),
    mintedAt: new Date(entry.mintedAt).toISOString(),
    expiresAt: new Date(entry.expiresAt).toISOString(),
    file,
  }
}

const RULES: Readonly<Record<Rule, string>> = {
  exact: 'a mapping of this name',
  wildcard: 'a mapping with a wildcard',
  ecr: "ECR's own name",
  dns: 'the DNS, in a trusted zone',
  fallback: 'no registry of ours; its login is left to the fallback',
  none: 'no registry of ours',
}

function toText(facts: Facts, world: World): string {
  const { bold, dim } = paintFor(world)
  const { host, rule, where, mapping, registry, account, region, partition } = facts
  const rows: (readonly [string, string | undefined])[] = [
    ['rule', `${RULES[rule]}${mapping && rule === 'wildcard' ? `, ${mapping}` : ''}`],
    ['stands in', where],
    ['registry', registry],
    ['account', account],
    ['region', region && `${region} (${partition})`],
    ['connects to', facts.connect],
    ['AWS identity', facts.identity],
    ['which is', facts.caller?.arn],
    ['login kept', facts.login && `of ${facts.login.username}, answered in place of a token`],
    ['token kept', registry && tokenText(facts.token, world.now())],
    ['in', facts.token?.file],
    ['next', registry ? undefined : `ecr-cname map add ${host}`],
  ]
  const shown = rows.flatMap(([name, value]) => (value ? [[`  ${dim(name)}`, value]] : []))
  return `${bold(host)}\n${table(shown)}`
}

function tokenText(token: Kept | undefined, now: number): string {
  if (!token) return 'none; the next get mints one'
  const age = duration(now - Date.parse(token.mintedAt))
  if (token.stage === 'dead') return `expired, ${age} old; the next get mints one`
  return `${age} old, holds for ${duration(Date.parse(token.expiresAt) - now)} (${token.stage})`
}
