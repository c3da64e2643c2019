/** The names of parts: of which blob they are, and who holds them. */

import { readdirSync } from 'node:fs'
import { holderMark, isRunning } from './drafts.ts'

/** A name for what is on its way to another one. */
export function partPath(folder: string, name: string): string {
  return `${folder}/${name}.part-${holderMark()}`
}

/** The parts of a folder. */
export function partsIn(folder: string) {
  return namesIn(folder)
    .filter((name) => name.includes('.part-'))
    .map((name) => ({ name, path: `${folder}/${name}` }))
}

/** Whether a program that runs holds a part. */
export function isHeld(name: string): boolean {
  const [, holder = ''] = /\.part-(\d+)-/.exec(name) ?? []
  return holder !== '0' && isRunning(Number(holder))
}

/** What a folder holds; nothing where it is not there. */
export function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
