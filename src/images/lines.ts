/**
 * GETs over TLS: a body goes into memory that its reader has ready. Node's HTTP makes a buffer and a
 * dozen calls of every 16 KiB, which is most of what a pull would cost.
 */

import type { OutgoingHttpHeaders } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { UserError } from '../domain/errors.ts'
import { coded, codeOf } from './codes.ts'
import type { Question } from './connection.ts'
import type { Door } from './doors.ts'
import { type Incoming, pour, type Taker } from './taker.ts'
import { type Limits, makeContext, openWire, type Reader, type Wire } from './wire.ts'

export type Get = Pick<Question, 'path' | 'headers' | 'signal'>

export type Lines = {
  /** `undefined` where a body does not begin with its length; ask by other means. */
  readonly get: (door: Door, question: Get) => Promise<Incoming | undefined>
  readonly close: () => void
}

/** Connections that are kept for the next question. */
export function openLines(limits: Limits): Lines {
  const all = new Set<Line>()
  // Places whose bodies are of another kind.
  const others = new Set<string>()
  const context = makeContext()
  const open = (door: Door) => {
    const line = openLine(door, openWire(door, { ...limits, context }), () => all.delete(line))
    all.add(line)
    return line
  }
  const ask = async (door: Door, question: Get) => {
    const place = placeOf(door)
    const kept = [...all].find((one) => one.isIdle() && one.place === place)
    if (!kept) return await open(door).get(question)
    try {
      return await kept.get(question)
    } catch (error) {
      // Given up by the other side, most likely just as it was asked again.
      if (!/^(ECONNRESET|EPIPE)$/.test(codeOf(error))) throw error
      return await open(door).get(question)
    }
  }
  return {
    async get(door, question) {
      const place = placeOf(door)
      if (others.has(place) || !isPlain(question)) return undefined
      const answer = await ask(door, question)
      if (!answer) others.add(place)
      return answer
    },
    close: () => all.forEach(({ close }) => close()),
  }
}

// What Node's HTTP refuses is left to it.
function isPlain({ path, headers }: Get): boolean {
  const values = Object.values(headers).map(String)
  return /^[!-~]+$/.test(path) && values.every((value) => /^[\t\x20-\x7e\x80-\xff]*$/.test(value))
}

type Line = {
  readonly place: string
  readonly isIdle: () => boolean
  readonly get: (question: Get) => Promise<Incoming | undefined>
  readonly close: () => void
}

const HEAD_LIMIT = 64 * 1024

const NOTHING: Taker = { room: () => Buffer.allocUnsafe(16 * 1024), filled: () => undefined }

function openLine(door: Door, wire: Wire, onClose: () => void): Line {
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
      const drop = () => void (isOver || socket.destroy())
      const into = async (taker: Taker) => {
        const ended = wire.read<void>((done) => {
          const onEnd = () => {
            end()
            done()
          }
          return bodyReader({ taker, length, socket, onEnd, host: door.host })
        })
        wire.give(early())
        await ended
      }
      return { ...head, into, drop, skip: () => void into(NOTHING).catch(drop) }
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
  readonly host: string
}

function bodyReader({ taker, length, socket, onEnd, host }: Body): Reader {
  let left = length
  let own: Buffer | undefined
  return {
    room: () => (own = taker.room()),
    came: (count, where) => {
      if (count > left) throw tooMuch(host, length)
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

// Whatever the other side does there, it would do it again.
function tooMuch(host: string, length: number): UserError {
  return new UserError(
    'REGISTRY',
    `${host}: it sends more than the ${length} bytes that it declares`,
  )
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
