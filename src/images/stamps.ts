/** What tells that a file of the cache is the one that was held against its digest. */

import { readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { partPath } from './part-names.ts'

/** What a file was like when it was held against its digest. */
export type Stamp = { readonly content: string; readonly links: string; readonly ctime: string }

/** Whoever changes a file changes its times, also where they put the size and one of them back. */
export function stampFile(path: string): Stamp & { readonly size: number } {
  const { size, ino, uid, mtimeNs, nlink, ctimeNs } = statSync(path, { bigint: true })
  return {
    size: Number(size),
    content: [size, ino, uid, mtimeNs].join(' '),
    links: String(nlink),
    ctime: String(ctimeNs),
  }
}

/** A link that comes or goes changes the ctime as well, and nothing else. */
export function isUntouched(known: Stamp, found: Stamp): boolean {
  const isSame = known.links === found.links ? known.ctime === found.ctime : true
  return known.content === found.content && isSame
}

/** The stamp beside a file. */
export function readStamp(path: string): Stamp {
  const [content = '', links = '', ctime = ''] = readFileSync(`${path}.stamp`, 'utf8').split('\n')
  return { content, links, ctime }
}

/**
 * Whole at once, for another pull that reads half of one loads the blob anew; and not flushed, for one
 * that is lost costs no more than that.
 */
export function writeStamp(path: string, stamp: Stamp, now: number): void {
  const draft = partPath(dirname(path), `stamp-${basename(path)}`)
  try {
    writeFileSync(draft, [stamp.content, stamp.links, stamp.ctime].join('\n'), { mode: 0o600 })
    utimesSync(draft, now / 1000, now / 1000)
    renameSync(draft, `${path}.stamp`)
  } catch (error) {
    rmSync(draft, { force: true })
    throw error
  }
}
