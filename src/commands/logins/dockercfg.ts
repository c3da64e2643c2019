/** `dockercfg [PATH]`: a Docker configuration with fresh logins, once or for good. */

import { codeshipRole } from '../../domain/codeship.ts'
import { type Auths, type DockerConfig, helpersOf } from '../../domain/docker-config.ts'
import { UserError } from '../../domain/errors.ts'
import { editJson } from '../../io/json-edit.ts'
import { changeJsonFile, type JsonFile, writeFileFor } from '../../io/json-file.ts'
import { type Flags, readArguments } from '../arguments.ts'
import type { World } from '../command.ts'
import type { Terms } from '../tokens.ts'
import { type Made, makeAuths, mappedHosts } from './auths.ts'
import { secretPlace, toConfig, toSecret } from './formats.ts'
import { dockercfgHelp } from './help.ts'
import { ownRegistry, principalOf } from './hosts.ts'

type Given = Flags<(typeof dockercfgHelp)['options']>

/** What a run is to write, and where. */
export type Job = {
  /** `undefined`: to stdout. */
  readonly path: string | undefined
  readonly make: () => Promise<Made>
  readonly write: (auths: Auths) => Promise<void>
}

export async function dockercfg(args: readonly string[], world: World): Promise<number> {
  const { flags, operands } = readArguments(dockercfgHelp, args)
  const job = toJob(flags, operands, world)
  if (flags.watch) {
    if (!job.path) throw new UserError('USAGE', 'dockercfg: --watch expects a PATH to keep fresh')
    const { watch } = await import('./watch.ts')
    return await watch(job.path, job, world)
  }
  const { auths, failures } = await job.make()
  // Whole or not at all: a file without one of its logins would fail later, and elsewhere.
  if (failures.length === 0) await job.write(auths)
  failures.forEach(({ message }) => world.stderr(`ecr-cname: ${message}\n`))
  return failures.length === 0 ? 0 : 1
}

function toJob(flags: Given, [path, ...more]: readonly string[], world: World): Job {
  if (more.length > 0) throw new UserError('USAGE', 'dockercfg: expected one PATH')
  // Of a variable that is not set: what is printed stands in somebody's log.
  if (path === '') throw new UserError('USAGE', 'dockercfg: expected a PATH, or - for stdout')
  const file = path === '-' ? undefined : path
  const mode = readMode(flags.mode)
  const place = secretPlace(flags.name, flags.namespace)
  const [as, otherwise] = [principalOf(flags), codeshipRole(world.env)]
  const terms: Terms = { ...(as ? { as } : {}), ...(otherwise ? { otherwise } : {}) }
  const write = async (auths: Auths) => {
    if (!file) world.stdout(flags.format === 'secret' ? toSecret(auths, place) : toConfig(auths))
    else if (flags.format === 'secret') writeFileFor(file, toSecret(auths, place), mode)
    else if (flags.format === 'dcos') {
      const { archiveConfig } = await import('../../io/docker-archive.ts')
      writeFileFor(file, await archiveConfig(toConfig(auths)), mode)
    } else {
      const change = { now: world.now, mode }
      await changeJsonFile(file, change, (found) => merged(file, found, { auths, world }))
    }
  }
  if (!file && flags.format === 'dcos') {
    throw new UserError('USAGE', 'dockercfg: --format dcos expects a PATH, for it is an archive')
  }
  return {
    path: file,
    make: async () => await makeAuths(await hostsOf(flags, world), world, terms),
    write,
  }
}

// Mapped hosts, unless others are named; the caller's own where nothing is said at all.
async function hostsOf(flags: Given, { env }: World): Promise<readonly string[]> {
  if (flags.host) return flags.host
  const hosts = [...mappedHosts(env), ...(env['ECR_PUBLIC'] ? ['public.ecr.aws'] : [])]
  if (hosts.length > 0) return [...new Set(hosts)]
  const principal = principalOf(flags) ?? codeshipRole(env)
  return [await ownRegistry(flags, env, { principal, lacking: NOTHING_MAPPED })]
}

const NOTHING_MAPPED =
  'nothing is mapped and no region is named; map a name: ecr-cname map add HOST REGISTRY, or set AWS_REGION'

/** The file as it is, with logins put in; other registries and keys stay. */
function merged(
  file: string,
  found: JsonFile | undefined,
  { auths, world }: { readonly auths: Auths; readonly world: World },
): string {
  if (!found) return toConfig(auths)
  const config = found.value as DockerConfig
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw new UserError('FILE', `${file}: the top level: expected an object; mend or move the file`)
  }
  warn(config, Object.keys(auths), file, world)
  const edits = Object.entries(auths).map(([host, value]) => ({ path: ['auths', host], value }))
  return editJson(found.text, edits)
}

function warn(config: DockerConfig, hosts: readonly string[], file: string, world: World): void {
  const helpers = helpersOf(config)
  const unread = hosts.filter((host) => helpers[host] ?? config.credsStore)
  if (unread.length === 0) return
  const text = `${file} names a credential helper for ${unread.join(', ')}, so docker will not read these logins there`
  world.stderr(`ecr-cname: ${text}\n`)
}

function readMode(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^0?[0-7]{3}$/.test(text)) return Number.parseInt(text, 8)
  throw new UserError('USAGE', `--mode: expected permissions such as 0644, got ${text}`)
}
