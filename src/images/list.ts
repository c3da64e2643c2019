/** Lists of tags and repositories, page by page, in the order in which people look for them. */

import { oneLine, UserError } from '../domain/errors.ts'
import { asWritten } from './doors.ts'
import type { Ask, Client } from './client.ts'
import { readWhole } from './taker.ts'

/** All tags of a repository, sorted. */
export async function listTags(client: Client, repository: string): Promise<readonly string[]> {
  const path = `tags/list?n=${PAGE}`
  const tags = await listAll(client, { path, repository }, 'tags')
  return sorted(tags)
}

/** All repositories of a registry, sorted. */
export async function listRepositories(client: Client): Promise<readonly string[]> {
  const names = await listAll(client, { path: `_catalog?n=${PAGE}` }, 'repositories')
  const prefix = client.prefix()
  // What stands before them is unseen under the name, and so is what has none of it.
  return sorted(names.flatMap((name) => (name.startsWith(prefix) ? name.slice(prefix.length) : [])))
}

/** Versions by their numbers, a release after its candidates, the rest by the alphabet. */
export function compareNames(a: string, b: string): number {
  const [one, two] = [split(a), split(b)]
  const byVersion = COLLATOR.compare(one.version, two.version)
  if (byVersion !== 0 || one.rest === two.rest) return byVersion
  if (one.rest === '' || two.rest === '') {
    return one.isNumbered ? two.rest.length - one.rest.length : one.rest.length - two.rest.length
  }
  return COLLATOR.compare(one.rest, two.rest)
}

// ECR refuses more (go-containerregistry#681).
const PAGE = 1000
const MOST_PAGES = 10_000
// Some registries send all that they have, whatever they are asked for.
const PAGE_LIMIT = 16 * 1024 * 1024
const COLLATOR = new Intl.Collator('en', { numeric: true })

function split(name: string) {
  const isNumbered = /^v?\d/.test(name)
  const [, version = name, rest = ''] = isNumbered ? (/^([^-]*)(.*)$/.exec(name) ?? []) : []
  return { version, rest, isNumbered }
}

function sorted(names: readonly string[]): readonly string[] {
  return [...new Set(names)].sort(compareNames)
}

type First = { readonly path: string; readonly repository?: string }

async function listAll(client: Client, first: First, key: string): Promise<readonly string[]> {
  const names: string[] = []
  let target: string | undefined
  for (let page = 0; page < MOST_PAGES; page++) {
    const { body, link } = await askForPage(client, {
      method: 'GET',
      ...first,
      ...(target !== undefined && { target }),
      expect: [200],
    })
    names.push(...readNames(body, key))
    // https://distribution.github.io/distribution/spec/api/#pagination; ECR's are absolute.
    const [, next] = /<([^>]+)>\s*;\s*rel="?next"?/.exec(link) ?? []
    const following = next === undefined ? undefined : client.targetOf(next)
    if (following === undefined) return names
    if (following === target) break
    target = following
  }
  throw new UserError('REGISTRY', `the registry's list of ${key} has no end`)
}

// One that is cut on the way is asked for again.
async function askForPage(client: Client, ask: Ask) {
  const where = [asWritten(client.options.site.name), ask.repository].filter(Boolean).join('/')
  return await client.retrying(async () => {
    const answer = await client.askOnce(ask)
    const body = await readWhole(answer, PAGE_LIMIT, where)
    return { body, link: [answer.headers.link].flat().join() }
  })
}

function readNames(body: Buffer, key: string): readonly string[] {
  const found = parse(body)?.[key]
  if (found === null) return []
  if (Array.isArray(found)) return found.map((name) => oneLine(String(name)))
  throw new UserError('REGISTRY', `the registry's list of ${key} is none; is it a registry?`)
}

function parse(body: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(body.toString('utf8')) as Record<string, unknown>
  } catch {
    return undefined
  }
}
