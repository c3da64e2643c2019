/**
 * Digests of what comes in. Those of large blobs are made on a thread of their own: to read from the
 * network is work enough for one.
 */

import type { createHash } from 'node:crypto'
import { type MessagePort, Worker } from 'node:worker_threads'
import { digestIn, openDigest } from './digest.ts'

/** A digest that is fed piece by piece. */
export type Digesting = {
  /** Resolves once the piece is read, and may be used anew. */
  readonly update: (piece: Buffer) => Promise<void>
  /** Of all pieces, in the order in which they were handed over. */
  readonly digest: () => Promise<string>
}

export type Hashing = {
  /** For a blob of so many bytes. */
  readonly open: (size: number) => Digesting
  /** Memory for a piece of a blob of so many bytes. */
  readonly take: (size: number) => Buffer
  /** Has it used again. */
  readonly give: (piece: Buffer) => void
  readonly close: () => void
}

// Fewer and larger writes; the chunks of TLS are 16 KiB.
const PIECE_SIZE = 512 * 1024

// To start a thread takes as long as to hash so much.
const LARGE_IMAGE = 64 * 1024 * 1024
const LARGE_BLOB = 4 * 1024 * 1024

/** For an image of so many bytes. A thread is started for the first large blob of a large one. */
export function openHashing(total: number): Hashing {
  const resting: Buffer[] = []
  let thread: Thread | undefined
  const isHere = (size: number) => total < LARGE_IMAGE || size < LARGE_BLOB
  return {
    open: (size) => (isHere(size) ? openHere() : (thread ??= startThread()).open()),
    take: (size) => {
      if (size < PIECE_SIZE) return Buffer.allocUnsafe(Math.max(1, size))
      return resting.pop() ?? Buffer.from(new SharedArrayBuffer(PIECE_SIZE))
    },
    give: (piece) => {
      if (piece.length === PIECE_SIZE) resting.push(piece)
    },
    close: () => thread?.close(),
  }
}

function openHere(): Digesting {
  const hash = openDigest()
  return {
    update: async (piece) => void hash.update(piece),
    digest: async () => digestIn(hash),
  }
}

type Thread = Pick<Hashing, 'close'> & { readonly open: () => Digesting }

/** Of the blob `id`: a piece, or, where there is none, the end. */
type Question = { readonly id: number; readonly piece?: Uint8Array }

function startThread(): Thread {
  const worker = new Worker(PROGRAM, { eval: true, env: {}, execArgv: [] })
  // Answers come in the order of the questions.
  const waiting: PromiseWithResolvers<string>[] = []
  let failure: unknown
  const fail = (error: unknown) => {
    failure ??= error
    waiting.splice(0).forEach(({ reject }) => reject(failure))
  }
  worker.on('message', (answer: string) => waiting.shift()?.resolve(answer))
  worker.on('error', fail)
  worker.on('exit', () => fail(new Error('the thread that makes digests has ended')))
  const ask = (question: Question) => {
    const answer = Promise.withResolvers<string>()
    if (failure === undefined) {
      waiting.push(answer)
      worker.postMessage(question, [])
    } else answer.reject(failure)
    return answer.promise
  }
  let last = 0
  return {
    open: () => {
      const id = ++last
      return {
        update: async (piece) => void (await ask({ id, piece })),
        digest: async () => `sha256:${await ask({ id })}`,
      }
    },
    close: () => void worker.terminate(),
  }
}

// All that the thread knows is what it is handed here: it is started from its text.
function answerAll(port: MessagePort, create: typeof createHash): void {
  const open = new Map<number, ReturnType<typeof createHash>>()
  port.on('message', ({ id, piece }: Question) => {
    const hash = open.get(id) ?? create('sha256')
    open.set(id, hash)
    if (piece) hash.update(piece)
    else open.delete(id)
    port.postMessage(piece ? '' : hash.digest('hex'))
  })
}

const PROGRAM = `(${answerAll.toString()})(
  require('node:worker_threads').parentPort,
  require('node:crypto').createHash,
)`
