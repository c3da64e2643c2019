/** The head of a registry's answer, as RFC 9112 has it. Pure. */

import { isCalled } from './headers.ts'

/** How the end of a body is told. */
export type BodyLength = number | 'chunked'

export type AnswerHead = {
  readonly status: number
  readonly reason: string
  /** Names and values in turn, as they came. */
  readonly rawHeaders: string[]
  readonly length: BodyLength
  /** Whether the connection can be used for another request. */
  readonly isKept: boolean
}

/**
 * Reads a head, without the empty line that ends it. It knows only what is plain: a final status,
 * one field a line, and a body whose end is told in one way. All else is undefined.
 */
export function parseAnswerHead(text: string, method: string): AnswerHead | undefined {
  if (!HEAD.test(text)) return undefined
  const rawHeaders: string[] = []
  const framing: Framing = { contentLength: undefined, isChunked: false, isKept: true }
  let end = endOfLine(text, 0)
  const status = Number(text.slice(STATUS_AT, REASON_AT - 1))
  const reason = text.slice(REASON_AT, end)
  while (end < text.length) {
    const start = end + END_OF_LINE.length
    const colon = text.indexOf(':', start)
    end = endOfLine(text, start)
    const name = text.slice(start, colon)
    const value = trimmed(text, colon + 1, end)
    rawHeaders.push(name, value)
    if (!frame(framing, name, value)) return undefined
  }
  const length = lengthOf(framing, { method, status })
  if (length === undefined) return undefined
  return { status, reason, rawHeaders, length, isKept: framing.isKept }
}

// The whole of it in one expression, for one a line would take most of the time: a status line,
// then names that are tokens, and values without control characters.
const HEAD =
  /^HTTP\/1\.1 [2-5]\d\d(?: [\t\x20-\x7e\x80-\xff]*)?(?:\r\n[\w!#$%&'*+.^`|~-]+:[\t\x20-\x7e\x80-\xff]*)*$/
const STATUS_AT = 'HTTP/1.1 '.length
const REASON_AT = 'HTTP/1.1 200 '.length
const END_OF_LINE = '\r\n'

function endOfLine(text: string, from: number): number {
  const end = text.indexOf(END_OF_LINE, from)
  return end === -1 ? text.length : end
}

type Framing = { contentLength: number | undefined; isChunked: boolean; isKept: boolean }

// Said twice, or in another way, it could be read in two ways.
function frame(framing: Framing, name: string, value: string): boolean {
  if (isCalled(name, 'connection')) {
    framing.isKept &&= value.toLowerCase() === 'keep-alive'
    return true
  }
  const isCoding = isCalled(name, 'transfer-encoding')
  if (!isCoding && !isCalled(name, 'content-length')) return true
  if (framing.contentLength !== undefined || framing.isChunked) return false
  if (isCoding) {
    framing.isChunked = true
    return value.toLowerCase() === 'chunked'
  }
  framing.contentLength = Number(value)
  return /^\d{1,15}$/.test(value)
}

// RFC 9112 section 6.3. Without a length or a coding the body ends with the connection.
function lengthOf(
  { contentLength, isChunked }: Framing,
  { method, status }: { readonly method: string; readonly status: number },
): BodyLength | undefined {
  if (method === 'HEAD' || status === 204 || status === 304) return 0
  return isChunked ? 'chunked' : contentLength
}

/** What stands from there to there, without the blanks around it. */
function trimmed(text: string, from: number, to: number): string {
  let start = from
  let end = to
  while (start < end && isBlank(text.charCodeAt(start))) start += 1
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1
  return text.slice(start, end)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}
