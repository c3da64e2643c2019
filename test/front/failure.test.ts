import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { failureFile, failureSince } from '../../src/front/failure.ts'
import { temporaryFolder } from '../support/folder.ts'

const NOTE = { at: 1000, code: 'ACCESS_DENIED', message: 'denied; allow it' }

function noted(text: string | Buffer): string {
  const token = join(temporaryFolder(), 'token.json')
  writeFileSync(failureFile(token), text)
  return token
}

describe('the note of a failure', () => {
  it('stands beside the token', () => {
    expect(failureFile('/store/tokens/a.json')).toBe('/store/tokens/a.json.failed')
  })

  it.each([
    [999, NOTE],
    [1000, NOTE],
    [1001, undefined],
  ])('of time 1000, asked for since %d, is %j', (since, failure) => {
    expect(failureSince(noted(JSON.stringify(NOTE)), since)).toEqual(failure)
  })

  it.each([
    '',
    'null',
    '[]',
    '1',
    '{',
    JSON.stringify({ ...NOTE, at: '1000' }),
    JSON.stringify({ ...NOTE, code: 1 }),
    JSON.stringify({ ...NOTE, message: null }),
    JSON.stringify({ at: 1000 }),
    `${JSON.stringify(NOTE)}${' '.repeat(300_000)}`,
  ])('that is not whole is none: %.40j', (text) => {
    expect(failureSince(noted(text), 0)).toBeUndefined()
  })

  it('that is no file is none', () => {
    const token = join(temporaryFolder(), 'token.json')
    expect(failureSince(token, 0)).toBeUndefined()
    mkdirSync(failureFile(token))
    expect(failureSince(token, 0)).toBeUndefined()
  })
})
