/** A TLS connection that is read into memory of its reader: nothing is made of every 16 KiB. */

import { isIPv4, type OnReadOpts, type Socket } from 'node:net'
import {
  connect,
  type ConnectionOptions,
  createSecureContext,
  type SecureContext,
  TLSSocket,
} from 'node:tls'
import { coded } from './codes.ts'
import type { Door } from './doors.ts'

/** Who has the bytes that come in. */
export type Reader = {
  readonly room: () => Buffer
  /** What came, and where; whether more should. */
  readonly came: (count: number, where: Buffer) => boolean
}

/** A connection, and who has what comes over it. */
export type Wire = {
  readonly socket: TLSSocket
  /** Gives what comes from now on to another. Resolves as that says, rejects where the wire ends. */
  readonly read: <T>(by: (done: (value: T) => void) => Reader) => Promise<T>
  /** Gives what came before, and has more come. */
  readonly give: (bytes: Buffer) => void
  /** From now on nothing should come. */
  readonly rest: () => void
}

const SPARE_SIZE = 16 * 1024

const NOBODY: Reader = {
  room: () => Buffer.allocUnsafe(SPARE_SIZE),
  came: () => {
    throw coded('ECONNRESET', 'more came than was asked for')
  },
}

/** How long a connection may take, in milliseconds. */
export type Limits = {
  /** To stand: the DNS, connecting and the handshake. */
  readonly openMs: number
  /** While nothing comes. */
  readonly idleMs: number
}

export type WireOptions = Limits & {
  readonly context: () => SecureContext
}

/** One context for all connections, which is made when it is needed. */
export function makeContext(): WireOptions['context'] {
  let made: SecureContext | undefined
  return () => (made ??= createSecureContext())
}

/** Opens one; what is sent meanwhile waits. */
export function openWire(door: Door, { openMs, idleMs, context }: WireOptions): Wire {
  let reader = NOBODY
  let fail: ((error: Error) => void) | undefined
  let ended: Error | undefined
  const room = () => {
    try {
      return reader.room()
    } catch (error) {
      socket.destroy(error as Error)
      return NOBODY.room()
    }
  }
  const came = (count: number, where: Buffer) => {
    try {
      return reader.came(count, where)
    } catch (error) {
      socket.destroy(error as Error)
      return false
    }
  }
  const options: ConnectionOptions & { readonly onread: OnReadOpts } = {
    ...addressOf(door),
    secureContext: context(),
    ALPNProtocols: ['http/1.1'],
    onread: { buffer: room, callback: (count, where) => came(count, where as Buffer) },
  }
  const socket = connect(options)
  const end = (error: Error) => {
    ended ??= error
    fail?.(ended)
  }
  limitOpening(socket, openMs)
  socket.setTimeout(idleMs, () => socket.destroy(coded('ETIMEDOUT', 'nothing came for a while')))
  socket.on('error', end)
  socket.on('close', () => end(coded('ECONNRESET', 'the connection was cut')))
  return {
    socket,
    read: (by) =>
      new Promise((resolve, reject) => {
        fail = reject
        reader = by(resolve)
        if (ended) reject(ended)
      }),
    give: (bytes) => {
      if (came(bytes.length, bytes)) socket.resume()
    },
    rest: () => (reader = NOBODY),
  }
}

/** Gives up a socket that is new and does not stand in time. */
export function limitOpening(socket: Socket, openMs: number): void {
  // A socket's own timeout begins anew with each byte that waits to be sent.
  const timer = setTimeout(() => {
    socket.destroy(coded('ETIMEDOUT', 'no connection came about in time'))
  }, openMs)
  const end = () => clearTimeout(timer)
  socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', end)
  socket.once('close', end)
}

function addressOf({ address, certificate = '' }: Door) {
  const host = address.host.replace(/^\[(.*)\]$/, '$1')
  const servername = isAddress(certificate) ? '' : certificate
  return { host, port: address.port ?? 443, servername, rejectUnauthorized: true }
}

/** Whether a host is no name. No name has a colon in it, and Node's own look takes milliseconds. */
export function isAddress(host: string): boolean {
  return host.includes(':') || isIPv4(host)
}
