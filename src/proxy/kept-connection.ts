/**
 * One connection that is kept, to a registry. Node's own client takes much more CPU for a small
 * answer; so what is plain is read here, and for the rest Node's is asked anew.
 */

import type { OnReadOpts } from 'node:net'
import type { Writable } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { Answer, type Source } from './answer.ts'
import { parseAnswerHead } from './answer-head.ts'
import { type ChunkReader, createChunkReader } from './chunks.ts'
import { coded, NOT_READ, NOT_SENT } from './dial.ts'
import type { Flow } from './flow.ts'
import type { Fields } from './headers.ts'

/** A request without a body. */
export type Plain = {
  readonly method: string
  readonly target: string
  readonly fields: Fields
  /** For whom it is asked; when that one has gone, the request ends. */
  readonly client: Writable
}

/** To be asked anew in another way: a connection had gone stale, or an answer is not plain. */
export class AskAnew extends Error {}

export type Patience = {
  /** For a request. */
  readonly idle: number
  /** For the head of an answer over a connection that was used, which may be gone without a word. */
  readonly headOfUsed: number
  /** For more of a body, while it is read. */
  readonly body: number
}

export type ConnectionOptions = {
  /** The most that a head may take. */
  readonly headLimit: number
  readonly patience: Patience
  readonly freed: () => void
  readonly closed: () => void
}

/** A question, and its answer once the head of that is there. */
type Exchange = {
  readonly method: string
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: Error) => void
  answer?: Answer
}

/** A connection to a registry, for one request after the other. */
export class Connection implements Source {
  readonly #socket: TLSSocket
  readonly #options: ConnectionOptions
  #exchange: Exchange | undefined
  #isUsed = false
  #isKept = true
  /** What came of a head so far. */
  #head: Buffer = NOTHING
  /** What is to come of a body. */
  #rest: number | ChunkReader = 0

  /** Opens a socket that gives what it reads to the reader. */
  constructor(open: (reader: OnReadOpts) => TLSSocket, options: ConnectionOptions) {
    const socket = open({
      buffer: () => this.#exchange?.answer?.flow?.room() ?? SCRATCH,
      callback: (count, memory) => {
        this.#received(count, memory as Buffer)
        return true
      },
    })
    this.#socket = socket
    this.#options = options
    socket.on('error', (error) => this.#failed(error))
    socket.on('end', () => this.end())
    socket.on('timeout', () => this.#timedOut())
    socket.on('close', () => {
      this.#failed(coded('ECONNRESET', 'aborted'))
      options.closed()
    })
  }

  /** Waits for a byte of the head for so long. */
  ask({ method, target, fields, client }: Plain, headMs: number): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const exchange: Exchange = { method, resolve, reject }
      const lines = fields.map(toLine).join('')
      const head = `${method} ${target} HTTP/1.1\r\n${lines}Connection: keep-alive\r\n\r\n`
      this.#exchange = exchange
      const { headOfUsed } = this.#options.patience
      this.#socket.setTimeout(this.#isUsed ? Math.min(headOfUsed, headMs) : headMs)
      this.#socket.write(head, 'latin1')
      client.once('close', () => {
        if (this.#exchange === exchange) this.end()
      })
    })
  }

  end(): void {
    this.#socket.destroy()
  }

  more(): void {
    this.#socket.resume()
  }

  enough(): void {
    this.#socket.pause()
  }

  leave(answer: Answer): void {
    if (this.#exchange?.answer === answer) this.end()
  }

  /** Takes what stands at the beginning of memory that others will use too. */
  #received(count: number, memory: Buffer): void {
    const exchange = this.#exchange
    const bytes = memory.subarray(0, count)
    // Unasked, it is no answer.
    if (!exchange) this.end()
    else if (!exchange.answer) this.#receivedHead(bytes, exchange)
    else if (exchange.answer.flow) this.#receivedFlow(bytes, memory, exchange.answer.flow)
    else this.#receivedBody(bytes, exchange.answer)
  }

  #receivedHead(bytes: Buffer, exchange: Exchange): void {
    const read = this.#head.length === 0 ? bytes : Buffer.concat([this.#head, bytes])
    const end = read.indexOf(END_OF_HEAD)
    const isBegun = VERSION.startsWith(read.toString('latin1', 0, VERSION.length))
    if (end === -1 && isBegun && read.length <= this.#options.headLimit) {
      this.#head = Buffer.from(read)
      return
    }
    const isWhole = end !== -1 && end <= this.#options.headLimit
    const head = isWhole
      ? parseAnswerHead(read.toString('latin1', 0, end), exchange.method)
      : undefined
    if (!head) return this.#failed(new AskAnew('the answer is not plain'))
    this.#head = NOTHING
    this.#isUsed = true
    this.#isKept = head.isKept
    this.#rest = head.length === 'chunked' ? createChunkReader() : head.length
    this.#socket.setTimeout(this.#options.patience.body)
    const answer = new Answer(head, this)
    const body = read.subarray(end + END_OF_HEAD.length)
    exchange.answer = answer
    exchange.resolve(answer)
    if (body.length !== head.length) return this.#receivedBody(body, answer)
    answer.whole = Buffer.from(body)
    answer.complete = true
    this.#done(0)
  }

  #receivedFlow(bytes: Buffer, memory: Buffer, flow: Flow): void {
    const rest = this.#rest as number
    // Where to read was said before it flowed.
    if (memory === SCRATCH) bytes.copy(flow.room())
    flow.took(Math.min(bytes.length, rest))
    this.#rest = Math.max(0, rest - bytes.length)
    if (this.#rest === 0) this.#ended(bytes.length - rest)
  }

  #receivedBody(bytes: Buffer, answer: Answer): void {
    const over = this.#take(bytes, answer)
    if (over !== undefined) this.#ended(over)
  }

  #ended(over: number): void {
    this.#exchange?.answer?.end()
    this.#done(over)
  }

  #done(over: number): void {
    this.#exchange = undefined
    if (over > 0 || !this.#isKept) return this.end()
    this.#socket.resume()
    this.#socket.setTimeout(this.#options.patience.idle)
    this.#options.freed()
  }

  /** The number of bytes past the end of the body; undefined while it goes on. */
  #take(bytes: Buffer, answer: Answer): number | undefined {
    const push = (part: Buffer) => {
      if (part.length > 0 && !answer.push(Buffer.from(part))) this.#socket.pause()
    }
    if (typeof this.#rest !== 'number') return this.#takeChunks(this.#rest, bytes, push)
    const over = bytes.length - this.#rest
    push(over > 0 ? bytes.subarray(0, this.#rest) : bytes)
    this.#rest = Math.max(0, -over)
    return over < 0 ? undefined : over
  }

  #takeChunks(
    reader: ChunkReader,
    bytes: Buffer,
    push: (part: Buffer) => void,
  ): number | undefined {
    try {
      return reader.read(bytes, push)
    } catch (error) {
      // What came before it is handed on first.
      this.#socket.pause()
      setImmediate(() => this.#socket.destroy(error as Error))
      return undefined
    }
  }

  #timedOut(): void {
    const isClients = this.#exchange?.answer && this.#socket.isPaused()
    this.#failed(coded('ETIME', isClients ? NOT_READ : NOT_SENT))
  }

  #failed(error: Error): void {
    const exchange = this.#exchange
    this.#exchange = undefined
    this.end()
    const isStale = this.#isUsed && this.#head.length === 0
    if (exchange?.answer) exchange.answer.destroy(error)
    else exchange?.reject(isStale ? new AskAnew('a stale connection', { cause: error }) : error)
  }
}

const NOTHING = Buffer.alloc(0)
// A TLS record; what is read into it is taken at once.
const SCRATCH = Buffer.allocUnsafeSlow(16 * 1024)
const VERSION = 'HTTP/1.1 '
const END_OF_HEAD = '\r\n\r\n'

// Whoever made the fields, no line may hold another.
function toLine([name, value]: Fields[number]): string {
  if (/[^\t\x20-\x7e\x80-\xff]/.test(value)) throw new Error(`a field is not one line: ${name}`)
  return `${name}: ${value}\r\n`
}
