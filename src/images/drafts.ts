/** Names for what is not whole yet, beside where it is to stand, and what killed programs left of it. */

import { randomInt } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { kill, pid } from 'node:process'
import { codeOf } from './codes.ts'

/** Who holds a file, in its name, which nobody else has: programs in containers share their ids. */
export function holderMark(): string {
  return `${pid}-${randomInt(2 ** 47)}`
}

/** A mark for names that no other draft has, of this program or of another one. */
export function draftMark(): string {
  return `${holderMark()}.tmp`
}

/** Where something is made that is to stand at a path. */
export function draftOf(path: string): string {
  return join(dirname(path), `${prefixOf(path)}${draftMark()}`)
}

/** Clears away the drafts of a path that nobody fills any more. */
export async function clearDrafts(path: string): Promise<void> {
  await clearIn(dirname(path), prefixOf(path))
}

/** The same for all that a folder holds. */
export async function clearDraftsIn(folder: string): Promise<void> {
  await clearIn(folder, '')
}

// A name may have 255 bytes, up to four a character, and a mark takes some of them.
function prefixOf(path: string): string {
  return `.${basename(path).slice(0, 50)}.`
}

/** Whether a program runs, as far as can be told from here. */
export function isRunning(id: number): boolean {
  try {
    kill(id, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

async function clearIn(folder: string, prefix: string): Promise<void> {
  const names = await readdir(folder).catch(() => [])
  const left = names.filter((name) => {
    const [, holder] = /\.(\d+)-\d+\.tmp$/.exec(name) ?? []
    return name.startsWith(prefix) && holder !== undefined && !isRunning(Number(holder))
  })
  // Whose they are matters little: what can't be cleared away takes room, and that is all.
  const clearing = left.map((name) => rm(join(folder, name), { recursive: true, force: true }))
  await Promise.allSettled(clearing)
}
