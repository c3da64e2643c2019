/** One kept token: its file, its checks, and what its age allows. */

import { readSmall } from './files.ts'
import { fingerprint } from './fingerprint.ts'

/** A token in the store. Times are milliseconds since 1970; every text is printable ASCII. */
export type Entry = {
  readonly v: 1
  /** The name under which it was minted: `host`, or `host:port` where a mapping names the port. */
  readonly name: string
  readonly identity: string
  readonly registry: string
  readonly username: string
  readonly secret: string
  readonly mintedAt: number
  readonly refreshAt: number
  readonly expiresAt: number
  /** Whether it serves any port of its host: no mapping names a port of it. */
  readonly anyPort: boolean
}

/**
 * `fresh`: served. `aging`: served and renewed behind the answer. `ending`: renewed first.
 * `dead`: never served; expired, or from a time that can't be.
 */
export type Stage = 'fresh' | 'aging' | 'ending' | 'dead'

// Without a quantifier: the compiled program keeps a state for each character that one takes.
const UNPRINTABLE = /[^!-~]/
const SHORT_NAME = /^[a-z0-9._:-]{1,120}$/
const MINUTE = 60_000
/** ECR's tokens live this long, never longer. */
export const LONGEST_LIFE = 12 * 60 * MINUTE
const SKEW = 5 * MINUTE

/** The file of a token. The print keeps identities apart, the name is for people. */
export function tokenFile(folder: string, name: string, identity: string): string {
  return `${folder}/tokens/${fileName(name)}@${fingerprint(identity)}.json`
}

/** A name as the beginning of a file name: itself where every file system takes it. */
export function fileName(name: string): string {
  if (SHORT_NAME.test(name)) return name.replace(/:/g, '+')
  return fingerprint(name)
}

/** The token in a file, if it is whole, of this name and of this identity. */
export function readEntry(path: string, name: string, identity: string): Entry | undefined {
  const entry = readAnyEntry(path)
  return entry?.name === name && entry.identity === identity ? entry : undefined
}

/** The token in a file, if it is whole. */
export function readAnyEntry(path: string): Entry | undefined {
  const text = readSmall(path)
  if (text === '') return undefined
  try {
    const entry = JSON.parse(text) as Entry
    return isWhole(entry) ? entry : undefined
  } catch {
    return undefined
  }
}

/** What may be done with a token at a time. */
export function stageOf(entry: Entry, now: number): Stage {
  const left = entry.expiresAt - now
  if (left <= 0 || left > LONGEST_LIFE + SKEW || entry.mintedAt > now + SKEW) return 'dead'
  if (now >= endingFrom(entry)) return 'ending'
  return now >= entry.refreshAt ? 'aging' : 'fresh'
}

/** When a token begins to be `ending`. */
export function endingFrom(entry: Pick<Entry, 'mintedAt' | 'expiresAt'>): number {
  return entry.expiresAt - Math.min(15 * MINUTE, (entry.expiresAt - entry.mintedAt) / 10)
}

function isWhole(entry: Entry): boolean {
  return (
    entry.v === 1 &&
    isText(entry.name) &&
    isText(entry.identity) &&
    isText(entry.registry) &&
    isText(entry.username) &&
    isText(entry.secret) &&
    isTime(entry.mintedAt) &&
    isTime(entry.refreshAt) &&
    isTime(entry.expiresAt) &&
    typeof entry.anyPort === 'boolean'
  )
}

function isText(text: string): boolean {
  return typeof text === 'string' && text !== '' && !UNPRINTABLE.test(text)
}

function isTime(time: number): boolean {
  return typeof time === 'number' && Number.isFinite(time)
}
