/** Questions to a registry, and the connections that they go over. */

import type { Agent, OutgoingHttpHeaders } from 'node:http'
import type { Door } from './doors.ts'
import { openLines } from './lines.ts'
import type { Requests } from './requests.ts'
import type { Incoming } from './taker.ts'

/** Bytes, or what writes them piece by piece. A piece may be used anew once its write resolves. */
export type Body = Buffer | ((write: (piece: Buffer) => Promise<void>) => Promise<void>)

export type Question = {
  readonly method: string
  readonly path: string
  readonly headers: OutgoingHttpHeaders
  readonly body?: Body
  readonly signal: AbortSignal
}

export type Connections = {
  readonly ask: (door: Door, question: Question) => Promise<Incoming>
  readonly close: () => void
}

/** Keeps connections open between requests. `agent` is the way through a proxy, where there is one. */
export function openConnections(agent: Agent | undefined): Connections {
  const lines = openLines(LIMITS)
  let requests: Promise<Requests> | undefined
  // Node's HTTP takes a while to load, and most pulls have no need of it.
  const open = async () => (await import('./requests.ts')).openRequests(agent, LIMITS)
  return {
    async ask(door, question) {
      const isDirect = question.method === 'GET' && door.certificate !== undefined && !agent
      const answer = isDirect ? await lines.get(door, question) : undefined
      return answer ?? (await (requests ??= open())).send(door, question)
    },
    close: () => {
      lines.close()
      void requests?.then(({ close }) => close())
    },
  }
}

// A connection that carries nothing for so long is dead, or as good as that; one that is not yet
// there has not to wait for anybody's work.
const LIMITS = { openMs: 15_000, idleMs: 60_000 } as const
