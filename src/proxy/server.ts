/** A listener: what its connections are allowed, and what it answers to rubbish. */

import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TlsOptions } from 'node:tls'
import { UserError } from '../domain/errors.ts'
import { type Address, bareHost } from './address.ts'
import type { ServerTls } from './certificate.ts'
import { trackConnections } from './connections.ts'
import { refuse, Refusal } from './refusal.ts'
import { HEAD_LIMIT } from './upstream.ts'

export type ListenOptions = {
  readonly address: Address
  /** Plain HTTP without. */
  readonly tls?: ServerTls
  readonly handler: RequestListener
  readonly limits?: Limits
  readonly patience?: Patience
  /** Told of what goes wrong while listening, such as too many open files. */
  readonly onError: (error: Error) => void
  /** Told of what was refused before it was a request for the handler. */
  readonly onRefusal?: (refusal: Refusal, from: string) => void
}

/** What a listener takes; it holds its own against clients that want more. */
export type Limits = {
  readonly connections: number
  /** Of one address. */
  readonly connectionsPerClient: number
  readonly headerBytes: number
  readonly urlBytes: number
  /** How long a connection may stay without a request. */
  readonly idleMs: number
}

export const DEFAULT_LIMITS: Limits = {
  connections: 4096,
  connectionsPerClient: 1024,
  // A token alone can be 16 KB.
  headerBytes: HEAD_LIMIT,
  urlBytes: 16 * 1024,
  // Longer than load balancers keep theirs (60 s), so that it is they who close.
  idleMs: 75_000,
}

/** How long a client may take, in ms. */
export type Patience = {
  /** To send the head of a request. */
  readonly head: number
  /** Without a byte of a request or an answer. The registry's own deadlines come first. */
  readonly stalled: number
}

export const PATIENCE: Patience = { head: 60_000, stalled: 600_000 }

export type Listener = {
  /** Scheme, host and port, the port that was found where any was asked for. */
  readonly url: string
  /** Takes other certificates for connections to come; of no effect where plain HTTP is served. */
  readonly useTls: (tls: ServerTls) => void
  /** Connections that are open. */
  readonly connections: () => number
  /** Takes no more connections, lets requests finish for so long, then cuts what is left. */
  readonly drain: (graceMs: number) => Promise<void>
}

/** Listens. A port in use and the like throw a UserError. */
export async function listen(options: ListenOptions): Promise<Listener> {
  const { address, tls, handler, onError, onRefusal } = options
  const { limits = DEFAULT_LIMITS, patience = PATIENCE } = options
  const own = toOptions(limits, patience)
  const { server, useTls } = tls ? createSecure(tls, own) : createPlain(own)
  server.timeout = patience.stalled
  // No limit but that of their size: those beyond one would be dropped unseen.
  server.maxHeadersCount = 0
  limitConnections(server, limits, onRefusal)
  const established = tls ? 'secureConnection' : 'connection'
  limitFirst(server, established, { idleMs: limits.idleMs, ...patience })
  const connections = trackConnections(server, established)
  const refuseSocket = (socket: Duplex, refusal: Refusal) => {
    onRefusal?.(refusal, (socket as Socket).remoteAddress ?? '')
    connections.refuse(socket, refusal)
  }
  server.on('request', (request, response) => {
    if ((request.url?.length ?? 0) <= limits.urlBytes) return handler(request, response)
    const refusal = tooLong(limits)
    onRefusal?.(refusal, request.socket.remoteAddress ?? '')
    refuse(response, refusal)
  })
  server.on('clientError', ({ code = '' }: NodeJS.ErrnoException, socket) => {
    const refusal = refusalOf(code, limits)
    if (refusal) refuseSocket(socket, refusal)
    else socket.destroy()
  })
  server.on('connect', (_, socket) => refuseSocket(socket, NO_TUNNEL))
  const port = await bind(server, address)
  server.on('error', onError)
  return {
    useTls,
    url: `${tls ? 'https' : 'http'}://${address.host}:${port}`,
    connections: connections.count,
    drain: connections.drain,
  }
}

function createPlain(options: ReturnType<typeof toOptions>) {
  return { server: createServer(options), useTls: () => {} }
}

function createSecure(first: ServerTls, options: ReturnType<typeof toOptions>) {
  let current = first
  const SNICallback: TlsOptions['SNICallback'] = (name, done) =>
    done(null, current.contextFor?.(name))
  const server: TlsServer = createTlsServer({
    ...options,
    ...first.options,
    ...(first.contextFor && { SNICallback }),
  })
  const useTls = (next: ServerTls) => {
    current = next
    // With new keys for tickets: who resumes a session from before is checked anew.
    server.setSecureContext(next.options)
  }
  return { server, useTls }
}

function toOptions({ headerBytes, idleMs }: Limits, { head }: Patience) {
  return {
    ...OPTIONS,
    maxHeaderSize: headerBytes,
    keepAliveTimeout: idleMs,
    headersTimeout: head,
    // How often that is looked at.
    connectionsCheckingInterval: head / 4,
  }
}

function tooLong({ urlBytes }: Limits): Refusal {
  return new Refusal(414, 'UNSUPPORTED', `the request target is over ${urlBytes} bytes`)
}

// Before anything is read, a TLS handshake too. Not by Node's maxConnections: workers that have so
// many would hand a connection to each other without end.
function limitConnections(
  server: Server,
  { connections, connectionsPerClient }: Limits,
  onRefusal: ListenOptions['onRefusal'],
): void {
  const counts = new Map<string, number>()
  let all = 0
  server.on('connection', (socket: Socket) => {
    const { remoteAddress = '' } = socket
    const count = (counts.get(remoteAddress) ?? 0) + 1
    counts.set(remoteAddress, count)
    all += 1
    socket.once('close', () => {
      all -= 1
      const left = (counts.get(remoteAddress) ?? 1) - 1
      if (left > 0) counts.set(remoteAddress, left)
      else counts.delete(remoteAddress)
    })
    const over =
      all > connections
        ? `over ${connections} connections at a time`
        : count > connectionsPerClient && `over ${connectionsPerClient} connections of one client`
    if (!over) return
    onRefusal?.(new Refusal(429, 'TOOMANYREQUESTS', over), remoteAddress)
    socket.destroy()
  })
}

type First = Patience & Pick<Limits, 'idleMs'>

// Node counts idleness from the end of a request, and there may never be one. Where the head has no
// longer than that, its own deadline is the one, for it is told of.
function limitFirst(
  server: Server,
  established: 'connection' | 'secureConnection',
  { idleMs, head, stalled }: First,
): void {
  if (idleMs >= head) return
  server.on(established, (socket: Socket) => socket.setTimeout(Math.min(idleMs, stalled)))
  server.on('request', ({ socket }) => socket.setTimeout(stalled))
}

const OPTIONS = {
  // Checked by the route, with an answer that says so.
  requireHostHeader: false,
  // Stated, for --insecure-http-parser changes the default.
  insecureHTTPParser: false,
  handshakeTimeout: 10_000,
  // A layer may take as long as it takes; Node's own limit of 300 s cuts slow uploads.
  requestTimeout: 0,
  // A client that has vanished is found out by TCP.
  keepAlive: true,
  keepAliveInitialDelay: 30_000,
}

const NO_TUNNEL = new Refusal(400, 'UNSUPPORTED', 'CONNECT is not served: this is no forward proxy')

function refusalOf(code: string, { headerBytes }: Limits): Refusal | undefined {
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new Refusal(431, 'UNSUPPORTED', `the head of the request is over ${headerBytes} bytes`)
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
