/** `map add|list|rm|import`: the configuration's mappings. */

import { UserError } from '../../domain/errors.ts'
import { readArguments } from '../arguments.ts'
import type { World } from '../command.ts'
import { paintFor, table, toJson } from '../text.ts'
import { add } from './add.ts'
import { openMapFile } from './file.ts'
import { mapHelp, type MapFlags } from './help.ts'
import { importMappings } from './import.ts'
import { nameFor } from './names.ts'
import { type Sourced, sourcedMappings } from './sources.ts'

export async function map(args: readonly string[], world: World): Promise<number> {
  const { flags, operands } = readArguments(mapHelp, args)
  try {
    return await runVerb(operands, flags, world)
  } catch (error) {
    throw flags.system ? forRoot(error, args) : error
  }
}

async function runVerb(
  [verb = 'nothing', ...rest]: readonly string[],
  flags: MapFlags,
  world: World,
): Promise<number> {
  switch (verb) {
    case 'add':
      return await add(rest, flags, world)
    case 'list':
      return list(rest, flags, world)
    case 'rm':
      return await remove(rest, flags, world)
    case 'import':
      return await importMappings(rest, flags, world)
    default:
      throw new UserError('USAGE', `map: expected add, list, rm or import, got ${verb}`)
  }
}

/** What a user may not do to the system's file, told as the command by which root does it. */
function forRoot(error: unknown, args: readonly string[]): unknown {
  const { code = '' } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException
  if (!(error instanceof UserError) || !/^(EACCES|EPERM)$/.test(code)) return error
  const [what = ''] = error.message.split('; ')
  const command = ['sudo', 'ecr-cname', 'map', ...args.map(quoted)].join(' ')
  return new UserError(error.code, `${what}; run it as root: ${command}`, { cause: error })
}

function quoted(arg: string): string {
  return /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`
}

function list(rest: readonly string[], { json }: MapFlags, world: World): number {
  if (rest.length > 0) throw new UserError('USAGE', 'map list: expected nothing more')
  const all = [...sourcedMappings(world.env).values()]
  if (json) {
    world.stdout(toJson(all.map(toFacts)))
    return 0
  }
  if (all.length === 0) {
    world.stderr('nothing is mapped; map a name: ecr-cname map add HOST REGISTRY\n')
    return 0
  }
  const { dim } = paintFor(world)
  const head = ['NAME', 'REGISTRY', 'AWS IDENTITY', 'STANDS IN'].map(dim)
  const rows = all.map(({ mapping, where }) => [
    mapping.name,
    mapping.registry.host,
    [mapping.profile, mapping.roleArn].filter(Boolean).join(', ') || dim('—'),
    where,
  ])
  world.stdout(table([head, ...rows]))
  return 0
}

function toFacts({ mapping, where }: Sourced) {
  const { name, registry, connect, profile, roleArn } = mapping
  const { host, account, region } = registry
  const to = connect && `${connect.host}:${connect.port ?? 443}`
  return { name, registry: host, account, region, connect: to, profile, roleArn, where }
}

async function remove(hosts: readonly string[], flags: MapFlags, world: World): Promise<number> {
  if (hosts.length === 0) throw new UserError('USAGE', 'map rm: expected a HOST')
  const names = [...new Set(hosts.map(nameFor))]
  const file = openMapFile(world, flags.system === true)
  for (const name of names) {
    if (!file.mappings.has(name)) throw missing(name, file.path, world)
  }
  await file.change(new Map(), names)
  names.forEach((name) => world.stdout(`${name} is no longer mapped in ${file.path}\n`))
  return 0
}

function missing(name: string, path: string, { env }: World): UserError {
  const where = sourcedMappings(env).get(name)?.where
  if (!where) return new UserError('CONFIG', `${name}: not mapped; see ecr-cname map list`)
  const hint = where.startsWith('/etc/') ? 'give --system' : 'change it there'
  return new UserError('CONFIG', `${name}: not mapped in ${path} but in ${where}; ${hint}`)
}
