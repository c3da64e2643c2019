import { describe, expect, it } from 'vitest'
import { parseJson } from '../../src/io/config.ts'

const DEEP = 200_000

describe('parseJson', () => {
  it.each([
    ['lists', '['.repeat(DEEP) + ']'.repeat(DEEP), 501],
    ['objects', `${'{"a":'.repeat(DEEP)}1${'}'.repeat(DEEP)}`, 2501],
    ['objects that never end', '{"a":'.repeat(DEEP), 2501],
  ])('refuses %s deeper than anybody nests them', (_, text, column) => {
    expect(() => parseJson('a.json', text)).toThrow(
      `a.json: line 1, column ${column}: expected at most 500 levels, one within another`,
    )
  })

  it('takes brackets in a text for what they are', () => {
    const text = JSON.stringify({ a: `"\\${'[{'.repeat(DEEP)}` })
    expect(parseJson('a.json', text)).toEqual(JSON.parse(text))
  })

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
