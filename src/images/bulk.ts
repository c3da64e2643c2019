/**
 * GETs of what is large, over TLS: a body goes into memory that its reader has ready. Node's HTTP
 * makes a buffer and a dozen calls of every 16 KiB, which is most of what a pull would cost.
 */

import type { OutgoingHttpHeaders } from 'node:http'
import type { TLSSocket } from 'node:tls'
import type { Door } from './connection.ts'
import { type Incoming, pour, type Taker } from './taker.ts'
import { coded, openWire, type Reader } from './wire.ts'

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

const HEAD_LIMIT = 64 * 1024

function openLine(door: Door, idleMs: number, onClose: () => void): Line {
  const wire = openWire(door, idleMs)
  const { socket } = wire
  socket.on('close', onClose)
  let isIdle = true
  return {
    place: placeOf(door),
    isIdle: () => isIdle && !socket.destroyed,
    close: () => socket.destroy(),
    async get({ path, headers, signal }) {
      isIdle = false
      const stop = () => socket.destroy(coded('ABORT_ERR', 'stopped'))
      signal.addEventListener('abort', stop, { once: true })
      if (signal.aborted) stop()
      else socket.write(requestText(door, path, headers))
      const { head, early } = await wire.read<Beginning>((onHead) => headReader(onHead))
      const length = lengthOf(head)
      if (length === undefined) {
        socket.destroy()
        return undefined
      }
      let isOver = false
      const end = () => {
        isOver = isIdle = true
        signal.removeEventListener('abort', stop)
        wire.rest()
        if (/\bclose\b/i.test(head.headers.connection ?? '')) socket.destroy()
      }
      return {
        ...head,
        drop: () => void (isOver || socket.destroy()),
        async into(taker) {
          const ended = wire.read<void>((done) => {
            const onEnd = () => {
              end()
              done()
            }
            return bodyReader({ taker, length, socket, onEnd })
          })
          wire.give(early())
          await ended
        },
      }
    },
  }
}

type Head = Pick<Incoming, 'status' | 'headers'>

/** A head, and what of the body came with it so far. */
type Beginning = { readonly head: Head; readonly early: () => Buffer }

function headReader(onHead: (beginning: Beginning) => void): Reader {
  let bytes = Buffer.alloc(0)
  let end = -1
  return {
    // Not the same one twice, for what came in it is kept.
    room: () => Buffer.allocUnsafe(16 * 1024),
    came: (count, where) => {
      bytes = Buffer.concat([bytes, where.subarray(0, count)])
      if (end !== -1) return false
      end = bytes.indexOf('\r\n\r\n')
      if (end === -1 && bytes.length < HEAD_LIMIT) return true
      // One that has no end in time is none, which no status says.
      const head = parseHead(bytes.toString('latin1', 0, Math.max(0, end)))
      onHead({ head, early: () => bytes.subarray(end + 4) })
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
    room: () => (own = taker.room()),
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
  const headers = new Map<string, string>()
  for (const line of lines) {
    const [, given = '', value = ''] = /^([^:]*):[ \t]*(.*?)[ \t]*$/.exec(line) ?? []
    const name = given.toLowerCase()
    const before = headers.get(name)
    headers.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  return { status: Number(status ?? 0), headers: Object.fromEntries(headers) }
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

function placeOf({ address, certificate = '' }: Door): string {
  return `${address.host} ${address.port ?? 443} ${certificate}`
}
