import { describe, expect, it } from 'vitest'
import { parseAnswerHead } from '../../src/proxy/answer-head.ts'

const parse = (lines: readonly string[], method = 'GET') =>
  parseAnswerHead(['HTTP/1.1 200 OK', ...lines].join('\r\n'), method)

describe('the head of an answer', () => {
  it('keeps every field in its order, with its name as it was sent', () => {
    expect(
      parse(['ETag:  "a" ', 'Content-Length: 2', 'X-A: 1', 'x-a:', 'X-B:\t \t', 'X-C:\ta\tb\t ']),
    ).toEqual({
      status: 200,
      reason: 'OK',
      rawHeaders: [
        'ETag',
        '"a"',
        'Content-Length',
        '2',
        'X-A',
        '1',
        'x-a',
        '',
        'X-B',
        '',
        'X-C',
        'a\tb',
      ],
      length: 2,
      isKept: true,
    })
  })

  it.each([
    ['Content-Length: 5', 5],
    ['Transfer-Encoding: Chunked', 'chunked'],
  ])('with %s says where its body ends', (line, length) => {
    expect(parse([line])).toMatchObject({ length })
  })

  it.each([
    ['HEAD', '200'],
    ['GET', '204'],
    ['GET', '304'],
  ])('to %s with %s has no body', (method, status) => {
    const text = `HTTP/1.1 ${status} Fine\r\nContent-Length: 5`
    expect(parseAnswerHead(text, method)).toMatchObject({ length: 0 })
  })

  it.each(['close', 'Close', 'keep-alive, close', 'upgrade'])(
    'with Connection: %s is the last on its connection',
    (value) => {
      expect(parse(['Content-Length: 0', `Connection: ${value}`])).toMatchObject({ isKept: false })
    },
  )

  it.each([
    ['no end of its body', []],
    ['two lengths', ['Content-Length: 5', 'Content-Length: 5']],
    ['a list of lengths', ['Content-Length: 5, 5']],
    ['a signed length', ['Content-Length: +5']],
    ['no length', ['Content-Length:']],
    ['a length beside chunks', ['Content-Length: 5', 'Transfer-Encoding: chunked']],
    ['chunks beside a length', ['Transfer-Encoding: chunked', 'Content-Length: 5']],
    ['another coding', ['Transfer-Encoding: gzip, chunked']],
    ['chunks twice', ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked']],
    ['a space before the colon', ['Content-Length : 5']],
    ['a folded line', ['Content-Length: 5', 'X-A: 1', ' more']],
    ['a bare line feed', ['Content-Length: 5', 'X-A: 1\nX-B: 2']],
    ['a bare carriage return', ['Content-Length: 5', 'X-A: 1\rX-B: 2']],
    ['a NUL', ['Content-Length: 5', 'X-A: \0']],
    ['a line without a colon', ['Content-Length: 5', 'X-A']],
    ['an empty name', ['Content-Length: 5', ': 1']],
  ])('with %s is not plain', (_, lines) => {
    expect(parse(lines)).toBeUndefined()
  })

  it.each([
    'HTTP/1.0 200 OK',
    'HTTP/2 200 OK',
    'HTTP/1.1 100 Continue',
    'HTTP/1.1 101 Switching Protocols',
    'HTTP/1.1 103 Early Hints',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1  200 OK',
    'http/1.1 200 OK',
    '',
  ])('that begins with %o is not plain', (line) => {
    expect(parseAnswerHead(`${line}\r\nContent-Length: 0`, 'GET')).toBeUndefined()
  })
})
