/** Small files, read without trusting that they are files, or small. */

import { lstatSync, readFileSync, statSync } from 'node:fs'

const LARGEST = 256 * 1024

/** The text of a file; "" for anything that can't be read, is no plain file, or is too large. */
export function readSmall(path: string): string {
  try {
    const facts = statSync(path)
    if (!facts.isFile() || facts.size > LARGEST) return ''
    // Bytes first: a compiled program would keep invalid UTF-8 in a text that it reads as such.
    return readFileSync(path).toString('utf8')
  } catch {
    return ''
  }
}

/** When a file, or a link, was last written, in milliseconds since 1970; 0 where there is none. */
export function writtenAt(path: string): number {
  try {
    return lstatSync(path).mtimeMs
  } catch {
    return 0
  }
}
