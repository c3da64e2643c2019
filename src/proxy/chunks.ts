/** Takes a body out of its chunks (RFC 9112 section 7.1). Pure. */

export type ChunkReader = {
  /** Hands on what is body; the number of bytes past its end, or undefined while it goes on. */
  readonly read: (bytes: Buffer, take: (part: Buffer) => void) => number | undefined
}

/** A reader for one body. What is no chunk throws. Extensions and trailers are dropped. */
export function createChunkReader(): ChunkReader {
  let line = ''
  let left = 0
  let expected: 'size' | 'data' | 'end' | 'trailer' = 'size'
  const endOfLine = () => {
    const text = line
    line = ''
    if (expected === 'trailer') return text === ''
    if (expected === 'end') {
      expected = 'size'
      return false
    }
    left = Number.parseInt(text, 16)
    expected = left === 0 ? 'trailer' : 'data'
    return false
  }
  return {
    read(bytes, take) {
      let at = 0
      while (at < bytes.length) {
        if (expected === 'data') {
          const part = bytes.subarray(at, at + left)
          take(part)
          at += part.length
          left -= part.length
          if (left === 0) expected = 'end'
          continue
        }
        const end = bytes.indexOf('\n', at)
        line += bytes.toString('latin1', at, end === -1 ? bytes.length : end)
        if (line.length > LONGEST_LINE) throw new Error('a line between chunks is too long')
        if (!BEGINNINGS[expected].test(line)) throw new Error(`this is no ${expected} of a chunk`)
        if (end === -1) return undefined
        at = end + 1
        if (!line.endsWith('\r')) throw new Error('a line between chunks does not end in CRLF')
        line = line.slice(0, -1)
        if (endOfLine()) return bytes.length - at
      }
      return undefined
    },
  }
}

// What a line, whole or in part, may look like.
const BEGINNINGS = {
  size: /^[\da-f]{1,12}(?:[\t ]*;[\t\x20-\x7e\x80-\xff]*)?\r?$/i,
  end: /^\r?$/,
  trailer: /^[\t\x20-\x7e\x80-\xff]*\r?$/,
}
const LONGEST_LINE = 16 * 1024
