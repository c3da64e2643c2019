/** Lines that are written together: a write for each would cost as much as answering a request. */

import type { World } from '../command.ts'

export type Lines = {
  /** Writes a line with the next ones, a hundredth of a second later at most. */
  readonly soon: (line: string) => void
  /** Writes a line at once, after those before it. */
  readonly now: (line: string) => void
  /** Writes what is left. */
  readonly flush: () => void
}

export function createLines({ stderr, after }: Pick<World, 'stderr' | 'after'>): Lines {
  let waiting = ''
  const flush = () => {
    const text = waiting
    waiting = ''
    if (text !== '') stderr(text)
  }
  return {
    soon(line) {
      if (waiting === '') after(DELAY_MS, flush)
      waiting += line
      if (waiting.length > MOST_WAITING) flush()
    },
    now(line) {
      waiting += line
      flush()
    },
    flush,
  }
}

const DELAY_MS = 10
const MOST_WAITING = 64 * 1024
