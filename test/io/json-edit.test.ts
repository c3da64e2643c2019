import { describe, expect, it } from 'vitest'
import { editJson } from '../../src/io/json-edit.ts'

describe('editJson', () => {
  it('adds a line behind the last one, and leaves the others as they are', () => {
    const text = `{\n\t"auths": {\n\t\t"ghcr.io": { "auth": "x" }\n\t},\n\t"psFormat":  "y"\n}\n`

    expect(editJson(text, [{ path: ['auths', 'a.test'], value: { auth: 'z' } }])).toBe(
      `{\n\t"auths": {\n\t\t"ghcr.io": { "auth": "x" },\n\t\t"a.test": {\n\t\t\t"auth": "z"\n\t\t}\n\t},\n\t"psFormat":  "y"\n}\n`,
    )
  })

  it('makes the objects that are missing on the way', () => {
    expect(editJson('{}\n', [{ path: ['registries', 'a.test'], value: 'b' }])).toBe(
      '{\n  "registries": {\n    "a.test": "b"\n  }\n}\n',
    )
  })

  it('puts an object in the place of what is none', () => {
    expect(editJson('{"auths": null}', [{ path: ['auths', 'a'], value: 1 }])).toBe(
      '{"auths": {\n  "a": 1\n}}',
    )
  })

  it('keeps one line one line', () => {
    expect(editJson('{ "a": "b" }', [{ path: ['c'], value: 'd' }])).toBe('{ "a": "b", "c": "d" }')
  })

  it('replaces a value where it stands', () => {
    expect(editJson('{"a":  "b", "c": 1}', [{ path: ['a'], value: 'x' }])).toBe(
      '{"a":  "x", "c": 1}',
    )
  })

  it.each([
    ['first', 'a', '{\n  "b": 2,\n  "c": 3\n}'],
    ['middle', 'b', '{\n  "a": 1,\n  "c": 3\n}'],
    ['last', 'c', '{\n  "a": 1,\n  "b": 2\n}'],
    ['missing', 'd', '{\n  "a": 1,\n  "b": 2,\n  "c": 3\n}'],
  ])('takes the %s one away', (_, key, left) => {
    const text = '{\n  "a": 1,\n  "b": 2,\n  "c": 3\n}'

    expect(editJson(text, [{ path: [key], value: undefined }])).toBe(left)
  })

  it('leaves an empty object where the only one goes', () => {
    expect(
      editJson('{\n  "a": {\n    "b": 1\n  }\n}', [{ path: ['a', 'b'], value: undefined }]),
    ).toBe('{\n  "a": {}\n}')
  })

  it('changes the value that holds where a key stands twice, and takes both away', () => {
    const text = '{"a": {"x": 1}, "a": {"y": 2}}'

    expect(editJson(text, [{ path: ['a', 'z'], value: 3 }])).toBe(
      '{"a": {"x": 1}, "a": {"y": 2, "z": 3}}',
    )
    expect(editJson(text, [{ path: ['a'], value: undefined }])).toBe('{}')
  })

  it('ends lines as the text does', () => {
    expect(editJson('{\r\n  "a": 1\r\n}', [{ path: ['b'], value: 2 }])).toBe(
      '{\r\n  "a": 1,\r\n  "b": 2\r\n}',
    )
  })
})
