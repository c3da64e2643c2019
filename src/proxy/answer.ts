/** An answer of a registry, as Node's own client would give it. */

import type { IncomingHttpHeaders } from 'node:http'
import { Readable } from 'node:stream'
import type { AnswerHead } from './answer-head.ts'
import { Flow, type Sink } from './flow.ts'

/** What an answer comes from. */
export type Source = {
  readonly more: () => void
  readonly enough: () => void
  /** Told that an answer is read no further. */
  readonly leave: (answer: Answer) => void
}

/** An answer; its body is read as it comes, and fails when it is cut. */
export class Answer extends Readable {
  readonly statusCode: number
  readonly statusMessage: string
  readonly rawHeaders: string[]
  /** Whether the head tells how long the body is. */
  readonly hasLength: boolean
  /** Whether all of the body is there, read or not. */
  complete = false
  /** The body, where all of it came with the head. */
  whole: Buffer | undefined
  readonly #source: Source
  #flow: Flow | undefined
  #flowed = () => {}

  constructor({ status, reason, rawHeaders, length }: AnswerHead, source: Source) {
    super({ highWaterMark: READ_AHEAD })
    this.statusCode = status
    this.statusMessage = reason
    this.rawHeaders = rawHeaders
    this.hasLength = typeof length === 'number'
    this.#source = source
  }

  /** By their names in lower case; of several values the last. */
  get headers(): IncomingHttpHeaders {
    const headers: IncomingHttpHeaders = {}
    for (let index = 0; index < this.rawHeaders.length; index += 2) {
      headers[(this.rawHeaders[index] ?? '').toLowerCase()] = this.rawHeaders[index + 1]
    }
    return headers
  }

  /** Where bytes of the body can be put without a copy, once it flows. */
  get flow(): Flow | undefined {
    return this.#flow
  }

  /**
   * Hands on the body, whose length is known, in large parts, instead of being read; `flowed` is
   * told of its end. What cuts it is still told as an error.
   */
  flowTo(sink: Sink, flowed: () => void): void {
    const first = this.read() as Buffer | null
    this.#flow = new Flow({
      sink,
      held: (isHeld) => (isHeld ? this.#source.enough() : this.#source.more()),
    })
    this.#flowed = flowed
    if (first) sink(first, () => {})
    this.#source.more()
  }

  /** Takes the end of the body. */
  end(): void {
    this.complete = true
    this.push(null)
    this.#flow?.end()
    this.#flowed()
  }

  override _read(): void {
    if (this.whole) {
      this.push(this.whole)
      this.push(null)
    } else if (!this.#flow) this.#source.more()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#source.leave(this)
    // Unheard, it would end the process; who reads on sees that it was destroyed.
    done(this.listenerCount('error') > 0 ? error : null)
  }
}

const READ_AHEAD = 64 * 1024
