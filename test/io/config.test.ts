import { describe, expect, it } from 'vitest'
import { parseJson } from '../../src/io/config.ts'

describe('parseJson', () => {
  it.each([
    ['a word that is none', '{\n  "a": nope,\n  "b": 1\n}\n', 'line 2, column 8'],
    ['a value that is missing', '{\n "a": }', 'line 2, column 7'],
    ['a comma too many', '{\n  "a": 1,\n}\n', 'line 3, column 1'],
    ['what comes too much', '{}\n}', 'line 2, column 1'],
    ['a text that breaks off', '{\n  "a": "b\n}\n', 'line 2, column 10'],
    ['an end that is missing', '{\n  "a": 1', 'line 2, column 9'],
    ['YAML', 'a.test: b.test\n', 'line 1, column 1'],
  ])('tells where %s stands', (_, text, place) => {
    expect(() => parseJson('a.json', text)).toThrow(`a.json: ${place}: expected JSON`)
  })
})
