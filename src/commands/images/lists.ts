/** `repos` and `tags`: what is in a registry. */

import { UserError } from '../../domain/errors.ts'
import { readServerUrl } from '../../domain/names.ts'
import { formatReference, parseReference } from '../../domain/reference.ts'
import { listRepositories, listTags } from '../../images/list.ts'
import { readArguments } from '../arguments.ts'
import type { Command, World } from '../command.ts'
import type { Target } from '../registries.ts'
import { withAccess } from './access.ts'
import { reposHelp, tagsHelp } from './help.ts'
import { openProgress } from './progress.ts'

export const repos: Command = { ...reposHelp, run: runRepos }
export const tags: Command = { ...tagsHelp, run: runTags }

async function runRepos(args: readonly string[], world: World): Promise<number> {
  const { flags, operands } = readArguments(reposHelp, args)
  const [host = '', ...more] = operands
  const asked = more.length === 0 && !/.\/./.test(host) ? readServerUrl(host) : undefined
  if (!asked) {
    throw new UserError('USAGE', 'repos: expected one registry, such as docker.company.com')
  }
  const limit = readLimit(flags.limit)
  await withAccess(asked, world, openProgress(world, false), async ({ client, target }) => {
    const names = (await listRepositories(client)).slice(0, limit)
    if (!flags.json) return printLines(names, world)
    const { describeRepositories } = await import('../../aws/details.ts')
    const details = await detailsOf(target, world, (...about) => describeRepositories(...about))
    const prefix = target.mapping.prefix ?? ''
    printJson(
      names.map((repository) => ({ repository, ...details?.get(`${prefix}${repository}`) })),
      world,
    )
  })
  return 0
}

async function runTags(args: readonly string[], world: World): Promise<number> {
  const { flags, operands } = readArguments(tagsHelp, args)
  const [ref = '', ...more] = operands
  if (ref === '' || more.length > 0) throw new UserError('USAGE', 'tags: expected one repository')
  const reference = parseReference(ref)
  if (reference.tag !== undefined || reference.digest !== undefined) {
    const { tag: _, digest: __, ...whole } = reference
    throw new UserError('USAGE', `tags: expected a repository: ${formatReference(whole)}`)
  }
  const { asked, repository } = reference
  const limit = readLimit(flags.limit)
  await withAccess(asked, world, openProgress(world, false), async ({ client, target }) => {
    const all = await listTags(client, repository)
    const names = all.slice(Math.max(0, all.length - limit))
    if (!flags.json) return printLines(names, world)
    const { describeTags } = await import('../../aws/details.ts')
    const name = `${target.mapping.prefix ?? ''}${repository}`
    const details = await detailsOf(target, world, (registry, principal, options) =>
      describeTags(registry, principal, name, options),
    )
    printJson(
      names.map((tag) => ({ tag, ...details?.get(tag) })),
      world,
    )
  })
  return 0
}

const DETAILS_MS = 30_000

type Mapping = Target['mapping']
type Options = { readonly env: World['env']; readonly signal: AbortSignal }

// What the API adds is left out where it is not to be had; the registry has told the rest.
async function detailsOf<T>(
  { mapping }: Target,
  { env, stop }: World,
  ask: (registry: Mapping['registry'], principal: Mapping, options: Options) => Promise<T>,
): Promise<T | undefined> {
  if (mapping.registry.kind === 'public') return undefined
  const signal = AbortSignal.any([stop, AbortSignal.timeout(DETAILS_MS)])
  try {
    return await ask(mapping.registry, mapping, { env, signal })
  } catch (error) {
    if (error instanceof UserError) return undefined
    throw error
  }
}

function readLimit(given: string | undefined): number {
  if (given === undefined) return Infinity
  if (/^[1-9]\d*$/.test(given)) return Number(given)
  throw new UserError('USAGE', `--limit: expected a number from 1 on, got ${given}`)
}

function printLines(names: readonly string[], { stdout }: World): void {
  stdout(names.map((name) => `${name}\n`).join(''))
}

function printJson(items: readonly object[], { stdout }: World): void {
  stdout(`${JSON.stringify(items, undefined, 2)}\n`)
}
