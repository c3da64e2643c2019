/** Lines that are written together: a write for each would cost as much as answering a request. */

export type Lines = {
  /** Writes a line with the others of this turn of the event loop, at its end. */
  readonly soon: (line: string) => void
  /** Writes a line at once, after those before it. */
  readonly now: (line: string) => void
  /** Writes what is left. */
  readonly flush: () => void
}

export function createLines(write: (text: string) => void): Lines {
  let waiting = ''
  const flush = () => {
    const text = waiting
    waiting = ''
    if (text !== '') write(text)
  }
  return {
    soon(line) {
      if (waiting === '') setImmediate(flush)
      waiting += line
    },
    now(line) {
      waiting += line
      flush()
    },
    flush,
  }
}
