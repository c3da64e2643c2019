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
  const lines = text.split('\r\n')
  const statusLine = STATUS_LINE.exec(lines[0] ?? '')
  if (!statusLine) return undefined
  const rawHeaders: string[] = []
  const framing: Framing = { contentLength: undefined, isChunked: false, isKept: true }
  for (let index = 1; index < lines.length; index += 1) {
    const line = lines[index]!
    if (!FIELD.test(line)) return undefined
    const colon = line.indexOf(':')
    const name = line.slice(0, colon)
    const value = trimmed(line, colon + 1)
    rawHeaders.push(name, value)
    if (!frame(framing, name, value)) return undefined
  }
  const status = Number(statusLine[1])
  const length = lengthOf(framing, { method, status })
  if (length === undefined) return undefined
  return { status, reason: statusLine[2] ?? '', rawHeaders, length, isKept: framing.isKept }
}

const STATUS_LINE = /^HTTP\/1\.1 ([2-5]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/
const FIELD = /^[\w!#$%&'*+.^`|~-]+:[\t\x20-\x7e\x80-\xff]*$/

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

/** What stands from there on, without the blanks around it. */
function trimmed(line: string, from: number): string {
  let start = from
  let end = line.length
  while (start < end && isBlank(line.charCodeAt(start))) start += 1
  while (end > start && isBlank(line.charCodeAt(end - 1))) end -= 1
  return line.slice(start, end)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}
