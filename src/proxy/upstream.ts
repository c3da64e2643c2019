/** Requests to registries: TLS under the registry's own name, wherever the socket goes. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { Agent, request } from 'node:https'
import type { Readable } from 'node:stream'
import { coded, createDialer, type Destination, limitConnect, PROBE_MS, tlsTo } from './dial.ts'
import type { Fields } from './headers.ts'
import { keepConnections, type KeptConnections } from './keep-alive.ts'
import { AskAnew } from './kept-connection.ts'

/** The most that a head may take, on both sides: a token alone can be 16 KB. */
export const HEAD_LIMIT = 64 * 1024

/** A request as the registry shall see it. */
export type Question = {
  readonly to: Destination
  readonly method: string
  readonly target: string
  readonly fields: Fields
  readonly body?: Readable
  /** For whom it is asked; when that one has gone, or been answered, the request ends. */
  readonly client: ServerResponse
}

/** The head of a registry's answer, its body to be read. */
export type Reply = Readable &
  Pick<IncomingMessage, 'statusCode' | 'statusMessage' | 'rawHeaders' | 'headers' | 'complete'>

export type Upstream = {
  readonly ask: (question: Question) => Promise<Reply>
  readonly close: () => void
}

/** Connections to registries. `connectMs` limits look-up, connection and handshake together. */
export function createUpstream(connectMs = 10_000): Upstream {
  const fresh = new Agent({ keepAlive: false })
  const kept = new Map<string, KeptConnections>()
  const keptTo = (to: Destination) => {
    const name = `${to.host} ${to.connect?.host ?? ''} ${to.connect?.port ?? ''}`
    const known = kept.get(name)
    if (known) return known
    const made = keepConnections({ ...KEPT, dial: createDialer(to, connectMs) })
    kept.set(name, made)
    return made
  }
  return {
    async ask(question) {
      // Told of before anyone listens, its end would end nothing.
      if (question.client.destroyed) throw coded('ECONNRESET', 'the client left')
      if (!isRepeatable(question)) return send(question, fresh, connectMs)
      try {
        return await keptTo(question.to).ask(question)
      } catch (error) {
        if (!(error instanceof AskAnew) || question.client.destroyed) throw error
        return send(question, fresh, connectMs)
      }
    },
    close() {
      kept.forEach((connections) => connections.close())
      fresh.destroy()
    },
  }
}

const KEPT = {
  headLimit: HEAD_LIMIT,
  patience: {
    // A connection that was idle for longer may be forgotten by a NAT on the way.
    idle: 50_000,
    // ECR answers in seconds, but may have to ask another registry first (pull-through cache).
    head: 120_000,
    headOfUsed: 15_000,
    body: 300_000,
  },
}

// Everything else gets a connection of its own, which can't have gone stale: it could not be
// sent a second time (RFC 9110 section 9.2.2, RFC 9112 section 9.3.1).
function isRepeatable({ method, body }: Question): boolean {
  return !body && (method === 'GET' || method === 'HEAD')
}

function send(question: Question, agent: Agent, connectMs: number): Promise<Reply> {
  const { to, method, target, fields, body, client } = question
  return new Promise((resolve, reject) => {
    const outgoing = request({
      agent,
      ...tlsTo(to),
      // Stated, for --insecure-http-parser changes the default.
      insecureHTTPParser: false,
      maxHeaderSize: HEAD_LIMIT,
      method,
      path: target,
      headers: fields.flat(),
    })
    outgoing.maxHeadersCount = 0
    outgoing.on('response', resolve)
    outgoing.on('error', reject)
    // Not listened for, an answer that switches protocols would be neither of the two.
    outgoing.on('upgrade', (_, socket) => {
      socket.destroy()
      reject(coded('ECONNRESET', 'the protocol was switched unasked'))
    })
    outgoing.on('socket', (socket) => {
      socket.setKeepAlive(true, PROBE_MS)
      limitConnect(socket, connectMs)
    })
    client.once('close', () => outgoing.destroy())
    if (body) body.pipe(outgoing)
    else outgoing.end()
  })
}
