/** Questions to a registry by Node's HTTP: with a body, in plain text, or through a proxy. */

import {
  type Agent,
  Agent as PlainAgent,
  type ClientRequest,
  request as plainRequest,
} from 'node:http'
import { Agent as TlsAgent, request as tlsRequest } from 'node:https'
import { TLSSocket } from 'node:tls'
import { coded } from './codes.ts'
import type { Question } from './connection.ts'
import type { Door } from './doors.ts'
import { type Incoming, ofMessage } from './taker.ts'
import { isAddress, type Limits, limitOpening } from './wire.ts'

export type Requests = {
  readonly send: (door: Door, question: Question) => Promise<Incoming>
  readonly close: () => void
}

/** Keeps connections open between requests. `agent` is the way through a proxy, where there is one. */
export function openRequests(agent: Agent | undefined, limits: Limits): Requests {
  const { idleMs } = limits
  const kept = { keepAlive: true, maxSockets: 64, timeout: idleMs }
  const tls = new TlsAgent(kept)
  const plain = new PlainAgent(kept)
  return {
    send: async (door, question) => {
      const own = door.certificate === undefined ? plain : tls
      return await send(door, question, { agent: agent ?? own, limits })
    },
    close: () => {
      tls.destroy()
      plain.destroy()
      agent?.destroy()
    },
  }
}

type Means = { readonly agent: Agent; readonly limits: Limits }

function send(door: Door, question: Question, { agent, limits }: Means): Promise<Incoming> {
  const { method, path, headers, body, signal } = question
  const { certificate } = door
  return new Promise((resolve, reject) => {
    const options = {
      agent,
      timeout: limits.idleMs,
      host: door.address.host.replace(/^\[(.*)\]$/, '$1'),
      port: door.address.port ?? 443,
      method,
      path,
      headers: { Host: door.host, 'User-Agent': 'ecr-cname', ...headers },
      signal,
      maxHeaderSize: 64 * 1024,
    }
    const outgoing =
      certificate === undefined
        ? plainRequest(options)
        : // An address is no server name (RFC 6066 section 3); its certificate is checked all the same.
          tlsRequest({
            ...options,
            servername: isAddress(certificate) ? '' : certificate,
            rejectUnauthorized: true,
          })
    outgoing.on('socket', (socket) => {
      // One to a proxy for plain HTTP may stand already.
      const isNew = socket instanceof TLSSocket || socket.connecting
      if (isNew && !outgoing.reusedSocket) limitOpening(socket, limits.openMs)
    })
    outgoing.on('response', (answer) => resolve(ofMessage(answer)))
    outgoing.on('error', reject)
    outgoing.on('timeout', () => outgoing.destroy(timedOut()))
    if (typeof body === 'function') {
      // A refusal leaves no reason to send the rest.
      outgoing.on('response', (answer) => {
        if ((answer.statusCode ?? 0) >= 400) answer.on('close', () => outgoing.destroy())
      })
      body((piece) => write(outgoing, piece)).then(
        () => outgoing.end(),
        (error: Error) => outgoing.destroy(error),
      )
    } else outgoing.end(body)
  })
}

function write(outgoing: ClientRequest, piece: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (error?: Error | null) => {
      outgoing.off('close', onClose)
      if (error) reject(error)
      else resolve()
    }
    const onClose = () => end(coded('ECONNRESET', 'the connection was cut'))
    outgoing.on('close', onClose)
    outgoing.write(piece, end)
  })
}

function timedOut(): Error {
  return coded('ETIMEDOUT', 'nothing came for a while')
}
