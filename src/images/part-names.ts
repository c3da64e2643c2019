/** The names of parts: of which blob they are, and who holds them. */

import { readdir } from 'node:fs/promises'
import { holderMark, isRunning } from './drafts.ts'

/** A name for what is on its way to another one. */
export function partPath(folder: string, name: string): string {
  return `${folder}/${name}.part-${holderMark()}`
}

/** The parts of a folder. */
export async function partsIn(folder: string) {
  const names = await readdir(folder).catch(() => [])
  return names
    .filter((name) => name.includes('.part-'))
    .map((name) => ({ name, path: `${folder}/${name}` }))
}

/** Whether a program that runs holds a part. */
export function isHeld(name: string): boolean {
  const [, holder = ''] = /\.part-(\d+)-/.exec(name) ?? []
  return holder !== '0' && isRunning(Number(holder))
}
