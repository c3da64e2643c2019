/** `map add HOST [REGISTRY]`: a mapping that is named, or found in the DNS and agreed to. */

import { isDeepStrictEqual } from 'node:util'
import { mergeConfig } from '../../domain/config.ts'
import { UserError } from '../../domain/errors.ts'
import type { Mapping } from '../../domain/mapping.ts'
import { partitionOf } from '../../domain/partition.ts'
import { parseRegistry } from '../../domain/registry.ts'
import { loadConfig } from '../../io/config.ts'
import type { Found } from '../../io/dns.ts'
import { agrees } from '../agree.ts'
import type { World } from '../command.ts'
import { paintFor, table } from '../text.ts'
import { openMapFile, type Written } from './file.ts'
import type { MapFlags } from './help.ts'
import { nameFor } from './names.ts'
import { sourcedMappings } from './sources.ts'

export async function add(
  [host, given, ...more]: readonly string[],
  flags: MapFlags,
  world: World,
): Promise<number> {
  if (!host || more.length > 0) throw new UserError('USAGE', 'map add: expected HOST [REGISTRY]')
  const name = nameFor(host)
  const file = openMapFile(world, flags.system === true)
  const registry = given ?? parseRegistry(name)?.host ?? (await find(name, world))
  const written = toWritten(registry, flags)
  const [before, after] = [file.mappings.get(name), read(name, written)]
  if (isDeepStrictEqual(before, after)) {
    world.stdout(`${name} is mapped to ${after.registry.host} in ${file.path} already\n`)
    tellOther(name, file.path, world)
    return 0
  }
  if (before) {
    world.stderr(`${name} is mapped to ${before.registry.host} so far${lost(before, after)}\n`)
  }
  const question = `Map ${name} to ${after.registry.host} in ${file.path}?`
  const isTold = given !== undefined || after.registry.host === name
  if ((before || !isTold) && !flags.yes && !(await agrees(question, world))) return 1
  await file.change(new Map([[name, written]]))
  world.stdout(`${name} is mapped to ${after.registry.host} in ${file.path}\n`)
  tellOther(name, file.path, world)
  return 0
}

function lost(before: Mapping, after: Mapping): string {
  const keys = Object.keys(before).filter((key) => !(key in after))
  return keys.length === 0 ? '' : `, with ${keys.join(' and ')}, which the new one lacks`
}

// Of several places the last one holds, which may be another than the file that was changed.
function tellOther(name: string, path: string, { env, stderr }: World): void {
  const holds = sourcedMappings(env).get(name)
  if (!holds || holds.where === path) return
  const { host } = holds.mapping.registry
  stderr(`${name} is mapped to ${host} in ${holds.where}, and that is what holds\n`)
}

function toWritten(registry: string, flags: MapFlags): Written {
  const { profile, 'role-arn': roleArn, connect } = flags
  const more = {
    ...(profile && { profile }),
    ...(roleArn && { roleArn }),
    ...(connect && { connect }),
  }
  return Object.keys(more).length === 0 ? registry : { registry, ...more }
}

// The configuration's own checks, and its own words; but here they are about the command line.
function read(name: string, written: Written): Mapping {
  try {
    const source = { where: 'map add', value: { registries: { [name]: written } } }
    return mergeConfig([source]).mappings.get(name) as Mapping
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    throw new UserError('USAGE', error.message, { cause: error })
  }
}

async function find(name: string, world: World): Promise<string> {
  if (/[*:]/.test(name)) {
    throw new UserError('USAGE', `map add ${name}: expected its REGISTRY too, for no DNS knows it`)
  }
  const { dns } = loadConfig(world.env)
  const { isTrusted, lookUp } = await import('../../io/dns.ts')
  const found = await lookUp(name, dns.servers)
  if (!found) {
    const text = `${name}: in the DNS it leads to no ECR host, and has no TXT record at _ecr-cname.${name}`
    throw new UserError('DNS', `${text}; name the registry: ecr-cname map add ${name} REGISTRY`)
  }
  const links = found.by === 'TXT' ? [name] : [name, ...found.chain.slice(0, -1)]
  const foreign = links.find((link) => !isTrusted(link, dns.trustedZones))
  world.stderr(show(name, found, foreign, world))
  return found.registry.host
}

function show(name: string, found: Found, foreign: string | undefined, world: World): string {
  const { bold, dim, yellow } = paintFor({
    env: world.env,
    stdoutIsTerminal: world.stderrColumns !== undefined,
  })
  const { host, account = '', region } = found.registry
  const steps =
    found.by === 'TXT'
      ? [[`  ${dim('TXT')}`, `_ecr-cname.${name}: ${host}`]]
      : found.chain.map((link) => [`  ${dim('CNAME')}`, link])
  const about = account
    ? [[`  ${dim('account')}`, `${account}, ${region} (${partitionOf(region)})`]]
    : []
  const why = foreign
    ? yellow(
        `${foreign} is in no trusted zone, so whoever answers for it in the DNS chose this registry: see that the account is yours.`,
      )
    : 'Every name on the way is in a zone that you trust.'
  return `${bold(name)}\n${table([...steps, ...about])}${why}\n`
}
