/** Bodies of answers, on their way into memory that their reader has. */

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { UserError } from '../domain/errors.ts'

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
  /** Passes over all of it, after which the connection may be asked again. */
  readonly skip: () => void
  /** Leaves what is left of it. */
  readonly drop: () => void
}

/** An answer that Node's HTTP reads. */
export function ofMessage(message: IncomingMessage): Incoming {
  return {
    status: message.statusCode ?? 0,
    headers: message.headers,
    into: async (taker) => {
      for await (const chunk of message as AsyncIterable<Buffer>) await pour(chunk, taker)
    },
    skip: () => void message.resume(),
    drop: () => void message.destroy(),
  }
}

/** What gathers a body that is small; one that is not ends with an error. */
export type Gathering = Taker & { readonly bytes: () => Buffer }

/** Gathers at most so many bytes; `where` is what failures call the body. */
export function gather(limit: number, where: string): Gathering {
  const chunks: Buffer[] = []
  let size = 0
  let room = Buffer.of()
  return {
    room: () => (room = Buffer.allocUnsafe(ROOM)),
    filled: (count) => {
      size += count
      chunks.push(room.subarray(0, count))
      if (size <= limit) return undefined
      throw new UserError('IMAGE', `${where}: the registry sends more than ${limit} bytes`)
    },
    bytes: () => Buffer.concat(chunks),
  }
}

/** All of a body that is small. */
export async function readWhole(answer: Incoming, limit: number, where: string): Promise<Buffer> {
  const gathering = gather(limit, where)
  try {
    await answer.into(gathering)
  } catch (error) {
    answer.drop()
    throw error
  }
  return gathering.bytes()
}

const ROOM = 16 * 1024

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
  const nowhere = Buffer.allocUnsafe(NOWHERE_SIZE)
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

const NOWHERE_SIZE = 16 * 1024
