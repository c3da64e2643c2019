import { describe, expect, it } from 'vitest'
import { createChunkReader } from '../../src/proxy/chunks.ts'

const read = (pieces: readonly string[]) => {
  const reader = createChunkReader()
  let body = ''
  let over: number | undefined
  for (const piece of pieces) {
    over = reader.read(Buffer.from(piece, 'latin1'), (part) => (body += part.toString('latin1')))
  }
  return { body, over }
}

const WHOLE = '4\r\nhalf\r\n00A;name="x"\r\nanother\r\n!\r\n0\r\nETag: "a"\r\n\r\n'

describe('a body in chunks', () => {
  it('is put together, without extensions and trailers', () => {
    expect(read([WHOLE])).toEqual({ body: 'halfanother\r\n!', over: 0 })
  })

  it('is the same wherever it is parted', () => {
    for (let at = 1; at < WHOLE.length; at += 1) {
      expect(read([WHOLE.slice(0, at), WHOLE.slice(at)])).toEqual({
        body: 'halfanother\r\n!',
        over: 0,
      })
    }
    expect(read(WHOLE.split(''))).toEqual({ body: 'halfanother\r\n!', over: 0 })
  })

  it('tells of what comes after it', () => {
    expect(read(['0\r\n\r\nHTTP'])).toEqual({ body: '', over: 4 })
  })

  it('is not whole before its last line', () => {
    for (let at = 0; at < WHOLE.length; at += 1) {
      expect(read([WHOLE.slice(0, at)]).over).toBeUndefined()
    }
  })

  it.each([
    'rubbish',
    '-1\r\n',
    '0x4\r\nhalf\r\n',
    ' 4\r\nhalf\r\n',
    '4\nhalf\r\n',
    '4\r\nhalf\n',
    '4\r\nhalf!',
    '4\r\nhalf4\r\n',
    '\r\n',
    '1234567890abc\r\n',
    '4;\0\r\n',
    '0\r\nA: \0',
    `4;${'x'.repeat(20_000)}`,
  ])('is none as %o', (text) => {
    expect(() => read([text])).toThrow(/chunk/)
  })
})
