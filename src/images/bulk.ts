/**
 * GETs of what is large, over TLS: a body goes into memory that its reader has ready. Node's HTTP
 * makes a buffer and a dozen calls of every 16 KiB, which is most of what a pull would cost.
 */

import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { isIP, type OnReadOpts } from 'node:net'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import type { Door } from './connection.ts'

/** Takes a body, in its order. What it throws ends the answer. */
export type Taker = {
  /** Memory for the next bytes: one at least. */
  readonly room: () => Buffer
  /** So many came into it. Resolves when more should; what was on its way comes all the same. */
  readonly filled: (count: number) => Promise<void> | undefined
}

/** An answer whose body is yet to come. */
export type Incoming = {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Resolves once all of the body was taken. */
  readonly into: (taker: Taker) => Promise<void>
  /** Leaves what is left of it. */
  readonly drop: () => void
}

export type BulkQuestion = {
  readonly path: string
  readonly headers: OutgoingHttpHeaders
  readonly signal: AbortSignal
}

export type Lines = {
  /** `undefined` where the body does not begin with its length; ask by other means. */
  readonly get: (door: Door, question: BulkQuestion) => Promise<Incoming | undefined>
  readonly close: () => void
}

/** An answer that Node's HTTP reads. */
export function ofMessage(message: IncomingMessage): Incoming {
  return {
    status: message.statusCode ?? 0,
    headers: message.headers,
    into: async (taker) => {
      for await (const chunk of message as AsyncIterable<Buffer>) await pour(chunk, taker)
    },
    drop: () => void message.destroy(),
  }
}

/** Has bytes taken that are elsewhere in memory. */
export function pour(bytes: Buffer, taker: Taker): Promise<void> | undefined {
  let wait: Promise<void> | undefined
  for (let at = 0; at < bytes.length;) {
    const count = bytes.copy(taker.room(), 0, at)
    wait = taker.filled(count) ?? wait
    at += count
  }
  return wait
}

/** A taker that passes over the first bytes. */
export function skipping(count: number, taker: Taker): Taker {
  const nowhere = Buffer.allocUnsafe(HEAD_SIZE)
  let left = count
  return {
    room: () => (left > 0 ? nowhere.subarray(0, left) : taker.room()),
    filled: (came) => {
      if (left === 0) return taker.filled(came)
      left -= came
      return undefined
    },
  }
}

/** Connections that are kept for the next question. */
export function openLines(idleMs: number): Lines {
  const all = new Set<Line>()
  const open = (door: Door) => {
    const line = openLine(door, idleMs, () => all.delete(line))
    all.add(line)
    return line
  }
  return {
    get: async (door, question) => {
      const place = placeOf(door)
      const line = [...all].find((one) => one.isIdle() && one.place === place) ?? open(door)
      return await line.get(question)
    },
    close: () => all.forEach(({ close }) => close()),
  }
}

type Line = {
  readonly place: string
  readonly isIdle: () => boolean
  readonly get: (question: BulkQuestion) => Promise<Incoming | undefined>
  readonly close: () => void
}

/** Who has the bytes that come in. */
type Reader = {
  readonly room: () => Buffer
  /** What came, and where; whether more should. */
  readonly came: (count: number, where: Buffer) => boolean
}

const HEAD_SIZE = 16 * 1024
const HEAD_LIMIT = 64 * 1024

function openLine(door: Door, idleMs: number, onClose: () => void): Line {
  let reader: Reader | undefined
  let fail: ((error: Error) => void) | undefined
  const attempt = <T>(act: () => T): T | undefined => {
    try {
      return act()
    } catch (error) {
      socket.destroy(error as Error)
      return undefined
    }
  }
  const options: ConnectionOptions & { readonly onread: OnReadOpts } = {
    ...addressOf(door),
    ALPNProtocols: ['http/1.1'],
    onread: {
      buffer: () => attempt(() => reader?.room()) ?? Buffer.allocUnsafe(HEAD_SIZE),
      callback: (count, where) => {
        // Nothing was asked for.
        if (!reader) socket.destroy()
        return attempt(() => reader?.came(count, where as Buffer)) ?? false
      },
    },
  }
  const socket = connect(options)
  socket.setTimeout(idleMs, () => socket.destroy(coded('ETIMEDOUT', 'nothing came for a while')))
  socket.on('error', (error) => fail?.(error))
  socket.on('close', () => {
    onClose()
    fail?.(coded('ECONNRESET', 'the connection was cut'))
  })
  return {
    place: placeOf(door),
    isIdle: () => fail === undefined && !socket.destroyed,
    close: () => socket.destroy(),
    get: ({ path, headers, signal }) =>
      new Promise((resolve, reject) => {
        const stop = () => socket.destroy(coded('ABORT_ERR', 'stopped'))
        signal.addEventListener('abort', stop, { once: true })
        const rest = () => {
          signal.removeEventListener('abort', stop)
          reader = fail = undefined
        }
        fail = (error) => {
          rest()
          reject(error)
        }
        reader = headReader((head, early) => {
          const length = lengthOf(head)
          if (length === undefined) {
            rest()
            socket.destroy()
            resolve(undefined)
            return
          }
          const into = (taker: Taker) =>
            new Promise<void>((done, cut) => {
              fail = (error) => {
                rest()
                cut(error)
              }
              const onEnd = () => {
                rest()
                if (head.headers.connection === 'close') socket.destroy()
                done()
              }
              if (socket.destroyed) fail(coded('ECONNRESET', 'the connection was cut'))
              reader = bodyReader({ taker, length, socket, onEnd })
              const body = reader
              const isOpen = attempt(() => early().every((one) => body.came(one.length, one)))
              if (isOpen === true) socket.resume()
            })
          resolve({ ...head, into, drop: () => void (fail && socket.destroy()) })
        })
        if (signal.aborted) stop()
        else socket.write(requestText(door, path, headers))
      }),
  }
}

type Head = Pick<Incoming, 'status' | 'headers'>

/** Reads a head, and keeps what of the body comes with it. */
function headReader(onHead: (head: Head, early: () => readonly Buffer[]) => void): Reader {
  let bytes = Buffer.alloc(0)
  let end = -1
  return {
    // Not the same one twice, for what came in it is kept.
    room: () => Buffer.allocUnsafe(HEAD_SIZE),
    came: (count, where) => {
      bytes = Buffer.concat([bytes, where.subarray(0, count)])
      if (end !== -1) return false
      end = bytes.indexOf('\r\n\r\n')
      if (end === -1 && bytes.length > HEAD_LIMIT)
        throw new Error('the head of an answer is too long')
      if (end === -1) return true
      onHead(parseHead(bytes.toString('latin1', 0, end)), () => [bytes.subarray(end + 4)])
      return false
    },
  }
}

type Body = {
  readonly taker: Taker
  readonly length: number
  readonly socket: TLSSocket
  readonly onEnd: () => void
}

function bodyReader({ taker, length, socket, onEnd }: Body): Reader {
  let left = length
  let own: Buffer | undefined
  return {
    room: () => (own = taker.room().subarray(0, left)),
    came: (count, where) => {
      if (count > left) throw coded('ECONNRESET', 'more came than was told')
      left -= count
      // The first may come to where those of the head did.
      const wait = where === own ? taker.filled(count) : pour(where.subarray(0, count), taker)
      if (left === 0) onEnd()
      else if (wait) {
        wait.then(
          () => socket.resume(),
          (error: unknown) => socket.destroy(error as Error),
        )
        return false
      }
      return true
    },
  }
}

function parseHead(text: string): Head {
  const [first = '', ...lines] = text.split('\r\n')
  const [, status] = /^HTTP\/1\.1 (\d{3})\b/.exec(first) ?? []
  const pairs = lines.map((line) => {
    const [, name = '', value = ''] = /^([^:]*):[ \t]*(.*?)[ \t]*$/.exec(line) ?? []
    return [name.toLowerCase(), value] as const
  })
  return { status: Number(status ?? 0), headers: Object.fromEntries(pairs) }
}

// A length that is repeated or that is not all there is to it is none.
function lengthOf({ status, headers }: Head): number | undefined {
  const length = headers['content-length']
  if (status < 200 || headers['transfer-encoding'] !== undefined) return undefined
  return length !== undefined && /^\d{1,15}$/.test(length) ? Number(length) : undefined
}

function requestText(door: Door, path: string, headers: OutgoingHttpHeaders): string {
  const all = { Host: door.host, 'User-Agent': 'ecr-cname', ...headers }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${String(value)}\r\n`)
  return `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`
}

function addressOf({ address, certificate = '' }: Door) {
  const host = address.host.replace(/^\[(.*)\]$/, '$1')
  const servername = isIP(certificate) === 0 ? certificate : ''
  return { host, port: address.port ?? 443, servername, rejectUnauthorized: true }
}

function placeOf({ address, certificate = '' }: Door): string {
  return `${address.host} ${address.port ?? 443} ${certificate}`
}

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}
