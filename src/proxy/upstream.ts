/** Requests to registries: TLS under the registry's own name, wherever the socket goes. */

import type { ClientRequest, IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import type { Readable, Writable } from 'node:stream'
import {
  coded,
  createDialer,
  type Destination,
  limitConnect,
  NOT_READ,
  NOT_SENT,
  PROBE_MS,
  tlsTo,
} from './dial.ts'
import type { Fields } from './headers.ts'
import { keepConnections, type KeptConnections, type Wait } from './keep-alive.ts'
import { AskAnew } from './kept-connection.ts'
import { Refusal } from './refusal.ts'

/** The most that a head may take, on both sides: a token alone can be 16 KB. */
export const HEAD_LIMIT = 64 * 1024

/** A request as the registry shall see it. */
export type Question = {
  readonly to: Destination
  readonly method: string
  readonly target: string
  readonly fields: Fields
  readonly body?: Readable
  /** Whether nobody else reads the body, so that its memory can be freed once it is sent. */
  readonly isBodyOurs?: boolean
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
  /** The same where there is someone else to ask. */
  readonly headReplaceable: number
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
  headReplaceable: 10_000,
  // The address behind it may be gone without a word; a read can be asked for again.
  headOfKept: 15_000,
  // ECR puts the parts of a big layer together before it answers the last request of an upload.
  body: 300_000,
}

/** The head of a registry's answer, its body to be read. */
export type Reply = Readable &
  Pick<IncomingMessage, 'statusCode' | 'statusMessage' | 'rawHeaders' | 'headers' | 'complete'>

export type Upstream = {
  readonly ask: (question: Question) => Promise<Reply>
  readonly close: () => void
}

/** Connections to registries. Each is to wherever the name leads at that moment. */
export function createUpstream(deadlines: Deadlines = DEADLINES): Upstream {
  const fresh = new Agent({ keepAlive: false })
  const kept = new Map<string, KeptConnections>()
  const keptTo = (to: Destination) => {
    const name = `${to.host} ${to.connect?.host ?? ''} ${to.connect?.port ?? ''}`
    const known = kept.get(name)
    if (known) return known
    const { headOfKept, body } = deadlines
    const patience = { idle: IDLE_MS, headOfUsed: headOfKept, body }
    const made = keepConnections({ headLimit: HEAD_LIMIT, patience, dial: createDialer(to) })
    kept.set(name, made)
    return made
  }
  return {
    async ask(question) {
      // Told of before anyone listens, its end would end nothing.
      if (question.client.destroyed) throw coded('ECONNRESET', 'the client left')
      if (!isRepeatable(question)) return send(question, fresh, deadlines)
      try {
        return await keptTo(question.to).ask(question, waitOf(question, deadlines))
      } catch (error) {
        if (!(error instanceof AskAnew) || question.client.destroyed) throw error
        return send(question, fresh, deadlines)
      }
    },
    close() {
      kept.forEach((connections) => connections.close())
      fresh.destroy()
    },
  }
}

// A connection that was idle for longer may be forgotten by a NAT on the way.
const IDLE_MS = 50_000

function waitOf({ isReplaceable }: Question, deadlines: Deadlines): Wait {
  const { connect, connectReplaceable, head, headReplaceable } = deadlines
  if (isReplaceable) return { connect: connectReplaceable, head: headReplaceable }
  return { connect, head }
}

// Everything else gets a connection of its own, which can't have gone stale: it could not be
// sent a second time (RFC 9110 section 9.2.2, RFC 9112 section 9.3.1).
function isRepeatable({ method, body }: Question): boolean {
  return !body && (method === 'GET' || method === 'HEAD')
}

function send(question: Question, agent: Agent, deadlines: Deadlines): Promise<Reply> {
  const { to, method, target, fields, body, isBodyOurs, client } = question
  const wait = waitOf(question, deadlines)
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
    outgoing.on('error', reject)
    // Not listened for, an answer that switches protocols would be neither of the two.
    outgoing.on('upgrade', (_, socket) => {
      socket.destroy()
      reject(coded('ECONNRESET', 'the protocol was switched unasked'))
    })
    outgoing.on('socket', (socket) => {
      socket.setKeepAlive(true, PROBE_MS)
      limitConnect(socket, wait.connect)
      outgoing.setTimeout(body ? deadlines.body : wait.head)
    })
    client.once('close', () => outgoing.destroy())
    if (isBodyOurs) freeWhatIsSent(outgoing)
    if (body) body.pipe(outgoing)
    else outgoing.end()
  })
}

// Each 16 KiB are a buffer of their own, which weighs little in V8's heap: by itself V8 frees it late, and
// has all of the heap marked for each few tens of MB.
function freeWhatIsSent(outgoing: ClientRequest): void {
  const write = outgoing.write.bind(outgoing)
  outgoing.write = (chunk: Buffer) => write(chunk, (error) => error || free(chunk))
}

// One that is a part of other memory stays.
function free({ buffer, byteLength }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0)
}

const NO_BODY = () =>
  new Refusal(408, 'UNSUPPORTED', 'the rest of the body took too long', {
    // It may never come, and no other request before it.
    fields: { Connection: 'close' },
  })
