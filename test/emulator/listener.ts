/** A server on a port of the loopback that can be closed and opened again, as faults need. */

import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { TlsOptions } from 'node:tls'

export type Listener = {
  readonly port: number
  /** Refuses connections and drops those that are open. */
  readonly close: () => Promise<void>
  /** Accepts connections again, on the same port. */
  readonly reopen: () => Promise<void>
}

export type Place = { readonly address: string; readonly port: number }

// Big tokens make big headers, and nothing here may cut a slow layer.
const LIMITS = { maxHeaderSize: 128 * 1024, requestTimeout: 0, keepAliveTimeout: 60_000 }

/** Without HTTP/2, nothing but HTTP/1.1 is offered: that is how ECR and S3 are known. */
export type Security = { readonly tls: TlsOptions; readonly http2?: boolean }

/** Listens with TLS if told how, else without. */
export async function listen(
  { address, port: wanted }: Place,
  answer: RequestListener,
  security?: Security,
): Promise<Listener> {
  const server = newServer(answer, security)
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  const open = async (port: number) => {
    server.listen(port, address)
    await once(server, 'listening')
  }
  await open(wanted)
  const { port } = server.address() as AddressInfo
  return {
    port,
    async close() {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
    async reopen() {
      if (!server.listening) await open(port)
    },
  }
}

const newServer = (answer: RequestListener, security: Security | undefined) => {
  if (!security) return createServer(LIMITS, answer)
  const { tls, http2 } = security
  if (!http2) return createTlsServer({ ...LIMITS, ...tls, ALPNProtocols: ['http/1.1'] }, answer)
  // Its requests and responses are made to be used like those of HTTP/1.1.
  type Answer = (request: Http2ServerRequest, response: Http2ServerResponse) => void
  return createSecureServer({ ...tls, allowHTTP1: true }, answer as unknown as Answer)
}
