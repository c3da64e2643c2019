/** Opens TLS connections to registries, under the registry's own name wherever they go. */

import { isIP, type OnReadOpts, type Socket } from 'node:net'
import {
  connect,
  type ConnectionOptions,
  createSecureContext,
  type SecureContext,
  type TLSSocket,
} from 'node:tls'
import type { HostPort } from '../domain/mapping.ts'
import { bareHost } from './address.ts'

/** Whom a certificate has to name, and where sockets go where that is not the same. */
export type Destination = { readonly host: string; readonly connect?: HostPort }

let context: SecureContext | undefined

/** What Node needs to know of a destination. */
export function tlsTo({ host, connect: via }: Destination) {
  return {
    host: bareHost(via?.host ?? host),
    port: via?.port ?? 443,
    // An address is no server name (RFC 6066 section 3); its certificate is checked all the same.
    servername: isIP(bareHost(host)) === 0 ? host : '',
    // Stated, for NODE_TLS_REJECT_UNAUTHORIZED changes the default.
    rejectUnauthorized: true,
    // Node would make one for each connection: 0.2 ms, and 27 KB.
    secureContext: (context ??= createSecureContext()),
  } satisfies ConnectionOptions
}

// A registry that has vanished is found out by TCP.
export const PROBE_MS = 30_000

/** Limits look-up, connection and handshake of a socket together. */
export function limitConnect(socket: Socket, ms: number): void {
  const timer = setTimeout(() => {
    socket.destroy(coded('ETIMEDOUT', `no connection within ${ms / 1000} s`))
  }, ms)
  socket.once('secureConnect', () => clearTimeout(timer))
  socket.once('close', () => clearTimeout(timer))
}

/** Opens a connection that gives what it reads to a reader. */
export type Dial = (connectMs: number, reader: OnReadOpts) => TLSSocket

/** Opens connections to one destination; later ones resume the session of earlier ones. */
export function createDialer(to: Destination): Dial {
  const options = { ...tlsTo(to), ALPNProtocols: ['http/1.1'] }
  let session: Buffer | undefined
  return (connectMs, onread) => {
    const own: ConnectionOptions & { readonly onread: OnReadOpts } = { ...options, onread }
    const socket = connect({ ...own, ...(session && { session }) })
    limitConnect(socket, connectMs)
    socket.setKeepAlive(true, PROBE_MS)
    socket.setNoDelay(true)
    socket.on('session', (next) => (session = next))
    // Should it be the session that was refused, the next connection goes without.
    socket.once('error', () => (session = undefined))
    return socket
  }
}

/** What is said where a registry, or its client, stands still. */
export const NOT_READ = 'the client has read nothing for too long'
export const NOT_SENT = 'the registry has sent nothing for too long'

export function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}
