/** An answer of a registry, as Node's own client would give it. */

import type { IncomingHttpHeaders } from 'node:http'
import { Readable } from 'node:stream'
import type { AnswerHead } from './answer-head.ts'

/** What an answer comes from. */
export type Source = {
  readonly more: () => void
  /** Told that an answer is read no further. */
  readonly leave: (answer: Answer) => void
}

/** An answer; its body is read as it comes, and fails when it is cut. */
export class Answer extends Readable {
  readonly statusCode: number
  readonly statusMessage: string
  readonly rawHeaders: string[]
  /** Whether all of the body is there, read or not. */
  complete = false
  readonly #source: Source

  constructor({ status, reason, rawHeaders }: AnswerHead, source: Source) {
    super({ highWaterMark: READ_AHEAD })
    this.statusCode = status
    this.statusMessage = reason
    this.rawHeaders = rawHeaders
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

  override _read(): void {
    this.#source.more()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#source.leave(this)
    // Unheard, it would end the process; who reads on sees that it was destroyed.
    done(this.listenerCount('error') > 0 ? error : null)
  }
}

const READ_AHEAD = 64 * 1024
