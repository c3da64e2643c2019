/** The head of a registry's answer, as RFC 9112 has it. Pure. */

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
  const [statusLine = '', ...lines] = text.split('\r\n')
  const [, status, reason = ''] = STATUS_LINE.exec(statusLine) ?? []
  if (status === undefined) return undefined
  const rawHeaders: string[] = []
  const framing: Framing = { isKept: true }
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon)
    const value = trimmed(line.slice(colon + 1))
    if (colon < 1 || !TOKEN.test(name) || !TEXT.test(value)) return undefined
    rawHeaders.push(name, value)
    if (FRAMING.test(name) && !frame(framing, name.toLowerCase(), value)) return undefined
  }
  const length = lengthOf(framing, { method, status: Number(status) })
  if (length === undefined) return undefined
  return { status: Number(status), reason, rawHeaders, length, isKept: framing.isKept }
}

const STATUS_LINE = /^HTTP\/1\.1 ([2-5]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/
const TEXT = /^[\t\x20-\x7e\x80-\xff]*$/
const FRAMING = /^(connection|content-length|transfer-encoding)$/i

type Framing = { contentLength?: number; isChunked?: true; isKept: boolean }

// Said twice, or in another way, it could be read in two ways.
function frame(framing: Framing, name: string, value: string): boolean {
  if (name === 'connection') {
    framing.isKept &&= value.toLowerCase() === 'keep-alive'
    return true
  }
  if (framing.contentLength !== undefined || framing.isChunked) return false
  if (name === 'transfer-encoding') {
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

// Most values have one space before them, and nothing after.
function trimmed(value: string): string {
  const rest = value.startsWith(' ') ? value.slice(1) : value
  return /^[\t ]|[\t ]$/.test(rest) ? rest.replace(/^[\t ]+/, '').replace(/[\t ]+$/, '') : rest
}
