/** A prefix of repository names that a mapping adds, so that its clients never see it. */

import { buffer } from 'node:stream/consumers'
import { type Place, placeOf } from './place.ts'
import { Refusal } from './refusal.ts'
import type { Reply } from './upstream.ts'

/** The target as the registry has it: the repository, and the one that is mounted from. */
export function withPrefix(target: string, prefix: string): string {
  const [path, query] = split(target)
  const { kind } = placeOf(path)
  if (kind === 'base' || kind === 'catalog') return target
  const params = new URLSearchParams(query)
  const sources = params.getAll('from')
  params.delete('from')
  sources.forEach((source) => params.append('from', `${prefix}${source}`))
  const search = sources.length > 0 ? params.toString() : query
  return `${ROOT}${prefix}${path.slice(ROOT.length)}${search === undefined ? '' : `?${search}`}`
}

/** A path and query of the registry's as its clients have it. */
export function withoutPrefix(target: string, prefix: string): string {
  const long = `${ROOT}${prefix}`
  return target.startsWith(long) ? `${ROOT}${target.slice(long.length)}` : target
}

/** Whether an answer names repositories in its body: lists and errors do. */
export function namesRepositories(
  { statusCode = 0, headers }: Reply,
  { method, target }: { readonly method: string; readonly target: string },
): boolean {
  if (method === 'HEAD') return false
  const { kind } = placeOf(target.split('?')[0] ?? '')
  if (statusCode < 400) return kind === 'tags' || kind === 'catalog'
  const isText = /^(application\/json|text\/plain)\b/.test(headers['content-type'] ?? '')
  return isText && headers['content-encoding'] === undefined
}

/** The body of such an answer, with names as clients have them. */
export async function bodyWithoutPrefix(
  reply: Reply,
  target: string,
  prefix: string,
): Promise<Buffer> {
  const body = await readLimited(reply)
  const place = placeOf(target.split('?')[0] ?? '')
  if ((reply.statusCode ?? 0) < 400) return Buffer.from(listed(body.toString(), place, prefix))
  if (!('repository' in place)) return body
  const { repository } = place
  return Buffer.from(body.toString().replaceAll(`${prefix}${repository}`, repository))
}

const ROOT = '/v2/'
// A page of a thousand names or tags takes a tenth of it.
const MOST_BYTES = 4 * 1024 * 1024

function split(target: string): readonly [string, string?] {
  const mark = target.indexOf('?')
  return mark === -1 ? [target] : [target.slice(0, mark), target.slice(mark + 1)]
}

function listed(text: string, place: Place, prefix: string): string {
  const list = readList(text)
  if ('repository' in place) return JSON.stringify({ ...list, name: place.repository })
  const own = (list.repositories ?? []).filter((name) => name.startsWith(prefix))
  return JSON.stringify({ ...list, repositories: own.map((name) => name.slice(prefix.length)) })
}

function readList(text: string): { readonly repositories?: readonly string[] } {
  try {
    return JSON.parse(text) as { readonly repositories?: readonly string[] }
  } catch (cause) {
    const message = "the registry's list is no JSON, so its names can't be told without the prefix"
    throw new Refusal(424, 'UNAVAILABLE', message, { cause })
  }
}

async function readLimited(reply: Reply): Promise<Buffer> {
  let size = 0
  reply.on('data', (chunk: Buffer) => {
    size += chunk.length
    if (size > MOST_BYTES) reply.destroy(new Error('the answer is too long'))
  })
  try {
    return await buffer(reply)
  } catch (cause) {
    const message = 'the registry cut its answer, or it is too long to be read; try again'
    throw new Refusal(424, 'UNAVAILABLE', message, { cause })
  }
}
