/** A listener: what its connections are allowed, and what it answers to rubbish. */

import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { UserError } from '../domain/errors.ts'
import { type Address, bareHost } from './address.ts'
import type { ServerTls } from './certificate.ts'
import { trackConnections } from './connections.ts'
import { Refusal } from './refusal.ts'
import { HEAD_LIMIT } from './upstream.ts'

export type ListenOptions = {
  readonly address: Address
  /** Plain HTTP without. */
  readonly tls?: ServerTls
  readonly handler: RequestListener
  /** Told of what goes wrong while listening, such as too many open files. */
  readonly onError: (error: Error) => void
}

export type Listener = {
  /** Scheme, host and port, the port that was found where any was asked for. */
  readonly url: string
  /** Takes other certificates for connections to come; of no effect where plain HTTP is served. */
  readonly useTls: (tls: ServerTls) => void
  /** Takes no more connections, lets requests finish for so long, then cuts what is left. */
  readonly drain: (graceMs: number) => Promise<void>
}

/** Listens. A port in use and the like throw a UserError. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { address, tls, handler, onError } = options
  const { server, useTls } = tls ? createSecure(tls) : createPlain()
  // No limit but that of their size: those beyond one would be dropped unseen.
  server.maxHeadersCount = 0
  const connections = trackConnections(server, tls ? 'secureConnection' : 'connection')
  server.on('request', handler)
  server.on('clientError', ({ code = '' }: NodeJS.ErrnoException, socket) => {
    const refusal = refusalOf(code)
    if (refusal) connections.refuse(socket, refusal)
    else socket.destroy()
  })
  server.on('connect', (_, socket) => connections.refuse(socket, NO_TUNNEL))
  const port = await bind(server, address)
  server.on('error', onError)
  return {
    useTls,
    url: `${tls ? 'https' : 'http'}://${address.host}:${port}`,
    drain: connections.drain,
  }
}

function createPlain() {
  return { server: createServer(LIMITS), useTls: () => {} }
}

function createSecure(first: ServerTls) {
  let current = first
  const server: TlsServer = createTlsServer({
    ...LIMITS,
    ...first.options,
    SNICallback: (name, done) => done(null, current.contextFor(name)),
  })
  const useTls = (next: ServerTls) => {
    current = next
    // With new keys for tickets: who resumes a session from before is checked anew.
    server.setSecureContext(next.options)
  }
  return { server, useTls }
}

const LIMITS = {
  // Checked by the route, with an answer that says so.
  requireHostHeader: false,
  // Stated, for --insecure-http-parser changes the default.
  insecureHTTPParser: false,
  maxHeaderSize: HEAD_LIMIT,
  handshakeTimeout: 10_000,
  headersTimeout: 60_000,
  // A layer may take as long as it takes; Node's own limit of 300 s cuts slow uploads.
  requestTimeout: 0,
  // Longer than load balancers keep theirs (60 s), so that it is they who close.
  keepAliveTimeout: 75_000,
  // A client that has vanished is found out by TCP.
  keepAlive: true,
  keepAliveInitialDelay: 30_000,
}

const NO_TUNNEL = new Refusal(400, 'UNSUPPORTED', 'CONNECT is not served: this is no forward proxy')

function refusalOf(code: string): Refusal | undefined {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new Refusal(431, 'UNSUPPORTED', `the head of the request is over ${HEAD_LIMIT} bytes`)
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new Refusal(408, 'UNSUPPORTED', 'the head of the request took too long')
  }
  if (!code.startsWith('HPE_')) return undefined
  return new Refusal(400, 'UNSUPPORTED', `the request is not HTTP/1.1 as RFC 9112 has it (${code})`)
}

function bind(server: Server, { host, port }: Address): Promise<number> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) =>
      reject(new UserError('SERVE', whyNot(error.code ?? '', `${host}:${port}`), { cause: error }))
    server.once('error', failed)
    server.listen({ host: bareHost(host), port }, () => {
      server.off('error', failed)
      resolve((server.address() as AddressInfo).port)
    })
  })
}

function whyNot(code: string, address: string): string {
  const text = `can't listen on ${address}`
  if (code === 'EADDRINUSE')
    return `${text}: the port is in use; stop what uses it, or name another`
  if (code === 'EACCES') return `${text}: not permitted; name a port above 1023`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return `${text}: this machine has no such address; name one of its own, or 0.0.0.0 for all`
  }
  return `${text} (${code})`
}
