/** Requests to registries: TLS under the registry's own name, wherever the socket goes. */

import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import { isIP, type Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import type { HostPort } from '../domain/mapping.ts'
import { bareHost } from './address.ts'
import type { Fields } from './headers.ts'

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
}

export type Upstream = {
  /** The head of the registry's answer, its body to be read. */
  readonly ask: (question: Question) => Promise<IncomingMessage>
  readonly close: () => void
}

/** Connections to registries. `connectMs` limits look-up, connection and handshake together. */
export function createUpstream(connectMs = 10_000): Upstream {
  const pool = new Agent({ keepAlive: true, keepAliveMsecs: PROBE_MS, timeout: IDLE_MS })
  const fresh = new Agent({ keepAlive: false })
  return {
    async ask(question) {
      if (!isRepeatable(question)) return send(question, fresh, connectMs)
      try {
        return await send(question, pool, connectMs)
      } catch (error) {
        if (!(error instanceof StaleConnection) || question.client.destroyed) throw error
        return send(question, fresh, connectMs)
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

/** A kept connection that the registry had closed by the time it was used again. */
class StaleConnection extends Error {}

// Everything else gets a connection of its own, which can't have gone stale: it could not be
// sent a second time (RFC 9110 section 9.2.2, RFC 9112 section 9.3.1).
function isRepeatable({ method, body }: Question): boolean {
  return !body && (method === 'GET' || method === 'HEAD')
}

function send(question: Question, agent: Agent, connectMs: number): Promise<IncomingMessage> {
  const { to, method, target, fields, body, client } = question
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
    outgoing.on('response', resolve)
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      const isStale = outgoing.reusedSocket && /^(ECONNRESET|EPIPE)$/.test(error.code ?? '')
      reject(isStale ? new StaleConnection(error.message, { cause: error }) : error)
    })
    // Not listened for, an answer that switches protocols would be neither of the two.
    outgoing.on('upgrade', (_, socket) => {
      socket.destroy()
      reject(coded('ECONNRESET', 'the protocol was switched unasked'))
    })
    outgoing.on('socket', (socket) => {
      if (socket.connecting) prepare(socket, connectMs)
    })
    client.once('close', () => outgoing.destroy())
    if (body) body.pipe(outgoing)
    else outgoing.end()
  })
}

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
