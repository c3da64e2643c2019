/** Requests to registries: TLS under the registry's own name, wherever the socket goes. */

import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import { isIP, type Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import type { HostPort } from '../domain/mapping.ts'
import { bareHost } from './address.ts'
import type { Fields } from './headers.ts'
import { Refusal } from './refusal.ts'

/** The most that a head may take, on both sides: a token alone can be 16 KB. */
export const HEAD_LIMIT = 64 * 1024

/** Whom a certificate has to name, and where sockets go where that is not the same. */
export type Destination = { readonly host: string; readonly connect?: HostPort }

/** A request as the registry shall see it. */
export type Question = {
  readonly to: Destination
  readonly method: string
  readonly target: string
  readonly fields: Fields
  readonly body?: Readable
  /** For whom it is asked; when that one has gone, or been answered, the request ends. */
  readonly client: Writable
  /** Whether there is someone else to ask where this one can't be reached. */
  readonly isReplaceable?: boolean
}

/** How long is waited for what, in ms. */
export type Deadlines = {
  /** Look-up, connection and handshake together. */
  readonly connect: number
  /** The same where there is someone else to ask. */
  readonly connectReplaceable: number
  /** A byte of the answer's head, to a request without a body. */
  readonly head: number
  /** The same over a kept connection, before it is given up for a fresh one. */
  readonly headOfKept: number
  /** A byte of a body either way, and of the answer to a body. */
  readonly body: number
}

export const DEADLINES: Deadlines = {
  connect: 10_000,
  connectReplaceable: 3000,
  // ECR answers in seconds, but may have to ask another registry first (pull-through cache).
  head: 120_000,
  // The address behind it may be gone without a word; a read can be asked for again.
  headOfKept: 15_000,
  // ECR puts the parts of a big layer together before it answers the last request of an upload.
  body: 300_000,
}

export type Upstream = {
  /** The head of the registry's answer, its body to be read. */
  readonly ask: (question: Question) => Promise<IncomingMessage>
  readonly close: () => void
}

/** Connections to registries. Each is to wherever the name leads at that moment. */
export function createUpstream(deadlines: Deadlines = DEADLINES): Upstream {
  const pool = new Agent({ keepAlive: true, keepAliveMsecs: PROBE_MS, timeout: IDLE_MS })
  const fresh = new Agent({ keepAlive: false })
  return {
    async ask(question) {
      if (!isRepeatable(question)) return send(question, fresh, deadlines)
      try {
        return await send(question, pool, deadlines)
      } catch (error) {
        if (!(error instanceof StaleConnection) || question.client.destroyed) throw error
        return send(question, fresh, deadlines)
      }
    },
    close() {
      pool.destroy()
      fresh.destroy()
    },
  }
}

// A connection that was idle for longer may be forgotten by a NAT on the way.
const IDLE_MS = 50_000
const PROBE_MS = 30_000

/** A kept connection that was of no use any more by the time it was used again. */
class StaleConnection extends Error {}
// Closed by the registry, or by whoever is on the way; or gone without a word.
const STALE = /^(ECONNRESET|EPIPE|ETIME|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)$/

// Everything else gets a connection of its own, which can't have gone stale: it could not be
// sent a second time (RFC 9110 section 9.2.2, RFC 9112 section 9.3.1).
function isRepeatable({ method, body }: Question): boolean {
  return !body && (method === 'GET' || method === 'HEAD')
}

function send(question: Question, agent: Agent, deadlines: Deadlines): Promise<IncomingMessage> {
  const { to, method, target, fields, body, client, isReplaceable } = question
  const connectMs = isReplaceable ? deadlines.connectReplaceable : deadlines.connect
  return new Promise((resolve, reject) => {
    const outgoing = request({
      agent,
      host: bareHost(to.connect?.host ?? to.host),
      port: to.connect?.port ?? 443,
      // An address is no server name (RFC 6066 section 3); its certificate is checked all the same.
      servername: isIP(bareHost(to.host)) === 0 ? to.host : '',
      // Stated, for NODE_TLS_REJECT_UNAUTHORIZED and --insecure-http-parser change the defaults.
      rejectUnauthorized: true,
      insecureHTTPParser: false,
      maxHeaderSize: HEAD_LIMIT,
      method,
      path: target,
      headers: fields.flat(),
    })
    outgoing.maxHeadersCount = 0
    let reply: IncomingMessage | undefined
    outgoing.on('response', (answer) => {
      reply = answer
      outgoing.setTimeout(deadlines.body)
      resolve(answer)
    })
    // No byte either way for as long as is waited.
    outgoing.on('timeout', () => {
      const isClients = body && !body.readableEnded && !outgoing.writableNeedDrain
      if (reply) reply.destroy(coded('ETIME', reply.isPaused() ? NOT_READ : NOT_SENT))
      else outgoing.destroy(isClients ? NO_BODY() : coded('ETIME', NOT_SENT))
    })
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      const isStale = outgoing.reusedSocket && STALE.test(error.code ?? '')
      reject(isStale ? new StaleConnection(error.message, { cause: error }) : error)
    })
    // Not listened for, an answer that switches protocols would be neither of the two.
    outgoing.on('upgrade', (_, socket) => {
      socket.destroy()
      reject(coded('ECONNRESET', 'the protocol was switched unasked'))
    })
    outgoing.on('socket', (socket) => {
      if (socket.connecting) prepare(socket, connectMs)
      const headMs = outgoing.reusedSocket ? deadlines.headOfKept : deadlines.head
      outgoing.setTimeout(body ? deadlines.body : headMs)
    })
    client.once('close', () => outgoing.destroy())
    if (body) body.pipe(outgoing)
    else outgoing.end()
  })
}

const NOT_SENT = 'the registry has sent nothing for too long'
const NOT_READ = 'the client has read nothing for too long'
const NO_BODY = () =>
  new Refusal(408, 'UNSUPPORTED', 'the rest of the body took too long', {
    // It may never come, and no other request before it.
    fields: { Connection: 'close' },
  })

function prepare(socket: Socket, connectMs: number): void {
  // A registry that has vanished is found out by TCP.
  socket.setKeepAlive(true, PROBE_MS)
  const timer = setTimeout(() => {
    socket.destroy(coded('ETIMEDOUT', `no connection within ${connectMs / 1000} s`))
  }, connectMs)
  socket.once('secureConnect', () => clearTimeout(timer))
  socket.once('close', () => clearTimeout(timer))
}

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}
