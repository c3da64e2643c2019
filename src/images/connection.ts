/** Where a registry is reached: ECR itself behind a name, or a sidecar that has the name's own certificate. */

import type {
  Agent as HttpAgent,
  ClientRequest,
  IncomingMessage,
  OutgoingHttpHeaders,
} from 'node:http'
import { Agent as PlainAgent, request as plainRequest } from 'node:http'
import { Agent as TlsAgent, request as tlsRequest } from 'node:https'
import { isIPv4 } from 'node:net'
import { UserError } from '../domain/errors.ts'
import type { HostPort } from '../domain/mapping.ts'
import { openLines } from './bulk.ts'
import { type Incoming, ofMessage } from './taker.ts'
import { coded, isAddress } from './wire.ts'

/** A registry as a reference names it. */
export type Site = {
  /** The name that was asked for. */
  readonly name: HostPort
  /** The host of the ECR registry behind it; the same where ECR's own name was asked for. */
  readonly registry: string
  /** Where sockets go instead. */
  readonly connect?: HostPort
  /** What repositories begin with at the registry, unseen under the name. */
  readonly prefix?: string
}

/** One way in: where the socket goes, whose certificate has to be there, and what Host says. */
export type Door = {
  readonly address: HostPort
  /** The name that the certificate has to be for; `undefined` is plain HTTP. */
  readonly certificate: string | undefined
  readonly host: string
  /** Whether ECR itself is behind it. */
  readonly isRegistry: boolean
}

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
  readonly ask: (door: Door, question: Question) => Promise<IncomingMessage>
  /** A GET of what may be large. */
  readonly fetch: (door: Door, question: Omit<Question, 'method' | 'body'>) => Promise<Incoming>
  readonly close: () => void
}

/** The ways to a site, in the order in which they are tried. */
export function doorsOf({ name, registry, connect }: Site): readonly Door[] {
  const itself = { host: registry, port: 443 }
  const toRegistry = { certificate: registry, host: registry, isRegistry: true }
  if (name.host === registry) return [{ address: connect ?? itself, ...toRegistry }]
  const address = connect ?? name
  const host = name.port === undefined ? name.host : `${name.host}:${name.port}`
  const doors: Door[] = [
    { address, ...toRegistry },
    { address, certificate: name.host, host, isRegistry: false },
  ]
  // Plain HTTP never leaves the machine: only an address that says so itself counts.
  if (isLoopbackName(name.host)) {
    const port = { port: name.port ?? 80, ...connect }
    doors.push({
      address: { ...address, ...port },
      certificate: undefined,
      host,
      isRegistry: false,
    })
    return doors
  }
  // A name that exists in configurations alone: the registry is where it always is.
  if (!connect) doors.push({ address: itself, ...toRegistry })
  return doors
}

/** Whether a failure means that the next door may be the right one. */
export function isWrongDoor(error: unknown, door: Door, next: Door): boolean {
  const code = codeOf(error)
  if (next.address.host !== door.address.host) return /^(ENOTFOUND|EAI_NONAME)$/.test(code)
  // What is no TLS at all, a certificate that is another's, and a server that knows no such name.
  return isCertificateCode(code) || /^(EPROTO|ERR_SSL_.*|ECONNRESET)$/.test(code)
}

/** Keeps connections open between requests. `agent` is the way through a proxy, where there is one. */
export function openConnections(agent: HttpAgent | undefined): Connections {
  const kept = { keepAlive: true, maxSockets: 64, timeout: IDLE_MS }
  const tls = new TlsAgent(kept)
  const plain = new PlainAgent(kept)
  const lines = openLines(IDLE_MS)
  const ask = (door: Door, question: Question) => {
    const own = door.certificate === undefined ? plain : tls
    return send(door, question, agent ?? own)
  }
  return {
    ask,
    fetch: async (door, question) => {
      const isDirect = !agent && door.certificate !== undefined
      const answer = isDirect ? await lines.get(door, question) : undefined
      return answer ?? ofMessage(await ask(door, { ...question, method: 'GET' }))
    },
    close: () => {
      lines.close()
      tls.destroy()
      plain.destroy()
    },
  }
}

/** What a failed connection comes to, in one line. */
export function explainConnection(error: unknown, { address, certificate }: Door): UserError {
  if (error instanceof UserError) return error
  const code = codeOf(error)
  const place = address.port === undefined ? address.host : `${address.host}:${address.port}`
  const cause = { cause: error }
  if (isCertificateCode(code)) {
    return new UserError(
      'UNREACHABLE',
      `${place}: its certificate is not one for ${certificate} that is trusted (${code}); name the CA's file in NODE_EXTRA_CA_CERTS, or "connect" in the mapping`,
      cause,
    )
  }
  const text = `${place}: it can't be reached (${code || (error as Error).message})`
  return new UserError('UNREACHABLE', `${text}; check the network, the DNS and HTTPS_PROXY`, cause)
}

export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException | undefined)?.code ?? ''
}

function isCertificateCode(code: string): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO|ISSUER|ALTNAME/.test(code)
}

// A connection that carries nothing for so long is dead, or as good as that.
const IDLE_MS = 60_000

function send(door: Door, question: Question, agent: HttpAgent): Promise<IncomingMessage> {
  const { method, path, headers, body, signal } = question
  const { certificate } = door
  return new Promise((resolve, reject) => {
    const options = {
      agent,
      host: door.address.host.replace(/^\[(.*)\]$/, '$1'),
      port: door.address.port ?? 443,
      method,
      path,
      headers: { Host: door.host, 'User-Agent': 'ecr-cname', ...headers },
      signal,
      timeout: IDLE_MS,
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
    outgoing.on('response', resolve)
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
  return coded('ETIMEDOUT', 'nothing came for a minute')
}

function isLoopbackName(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || (isIPv4(host) && host.startsWith('127.'))
}
