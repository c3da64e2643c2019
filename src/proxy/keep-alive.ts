/** Connections to one registry that are kept, for requests that may be sent twice. */

import type { Answer } from './answer.ts'
import type { Dial } from './dial.ts'
import { Connection, type Patience, type Plain } from './kept-connection.ts'

export type KeptConnections = {
  readonly ask: (question: Plain, wait: Wait) => Promise<Answer>
  readonly close: () => void
}

/** How long is waited for one answer, in ms. */
export type Wait = {
  /** For look-up, connection and handshake together, where none is kept. */
  readonly connect: number
  /** For a byte of its head. */
  readonly head: number
}

export type KeepOptions = {
  readonly dial: Dial
  /** The most that a head may take. */
  readonly headLimit: number
  /** How long is waited for a byte, in ms. */
  readonly patience: Patience
}

/** Keeps connections to one destination. */
export function keepConnections({ dial, headLimit, patience }: KeepOptions): KeptConnections {
  const idle: Connection[] = []
  const all = new Set<Connection>()
  const open = (connectMs: number) => {
    const connection = new Connection((reader) => dial(connectMs, reader), {
      headLimit,
      patience,
      freed: () => (idle.length < MOST_IDLE ? idle.push(connection) : connection.end()),
      closed: () => {
        all.delete(connection)
        const index = idle.indexOf(connection)
        if (index !== -1) idle.splice(index, 1)
      },
    })
    all.add(connection)
    return connection
  }
  return {
    // The one that was used last is the least likely to be stale.
    ask: (question, { connect, head }) => (idle.pop() ?? open(connect)).ask(question, head),
    close: () => all.forEach((connection) => connection.end()),
  }
}

// As many as Node's own client keeps.
const MOST_IDLE = 256
