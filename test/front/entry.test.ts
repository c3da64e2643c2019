import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  type Entry,
  fileName,
  LONGEST_LIFE,
  readAnyEntry,
  readEntry,
  stageOf,
  tokenFile,
} from '../../src/front/entry.ts'
import { temporaryFolder } from '../support/folder.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const START = 1_700_000_000_000
const ENTRY: Entry = {
  v: 1,
  name: 'docker.company.test',
  identity: 'someone',
  registry: '123456789012.dkr.ecr.us-east-1.amazonaws.com',
  username: 'AWS',
  secret: 'c2VjcmV0',
  mintedAt: START,
  refreshAt: START + 6 * HOUR,
  expiresAt: START + 12 * HOUR,
  anyPort: true,
}

function written(text: string): string {
  const path = join(temporaryFolder(), 'token.json')
  writeFileSync(path, text)
  return path
}

describe('a token of twelve hours', () => {
  it.each([
    ['dead', -5 * MINUTE - 1],
    ['fresh', -5 * MINUTE],
    ['fresh', 0],
    ['fresh', 6 * HOUR - 1],
    ['aging', 6 * HOUR],
    ['aging', 12 * HOUR - 15 * MINUTE - 1],
    ['ending', 12 * HOUR - 15 * MINUTE],
    ['ending', 12 * HOUR - 1],
    ['dead', 12 * HOUR],
    ['dead', 100_000 * HOUR],
    ['dead', -100_000 * HOUR],
  ])('is %s %d ms after it was minted', (stage, age) => {
    expect(stageOf(ENTRY, START + age)).toBe(stage)
  })
})

describe('a token of an hour', () => {
  const short = { ...ENTRY, refreshAt: START + HOUR, expiresAt: START + HOUR }

  it.each([
    ['fresh', 54 * MINUTE - 1],
    ['ending', 54 * MINUTE],
    ['ending', HOUR - 1],
    ['dead', HOUR],
  ])('is %s %d ms after it was minted: a tenth of it is less than 15 minutes', (stage, age) => {
    expect(stageOf(short, START + age)).toBe(stage)
  })
})

describe('a token that would live longer than ECR lets any', () => {
  it.each([
    ['fresh', LONGEST_LIFE + 5 * MINUTE],
    ['dead', LONGEST_LIFE + 5 * MINUTE + 1],
  ])('is %s with %d ms left', (stage, left) => {
    expect(stageOf({ ...ENTRY, expiresAt: START + left }, START)).toBe(stage)
  })
})

describe('the file of a token', () => {
  it('is named for people, and apart by identity', () => {
    const [one, other] = ['one', 'other'].map((identity) => tokenFile('/store', 'a.test', identity))
    expect(one).toMatch(/^\/store\/tokens\/a\.test@\d+-\d+\.json$/)
    expect(other).not.toBe(one)
  })

  it.each([
    ['docker.company.test', /^docker\.company\.test$/],
    ['docker.company.test:5000', /^docker\.company\.test\+5000$/],
    ['host_name', /^host_name$/],
    ['[::1]:5000', /^\d+-\d+$/],
    ['a'.repeat(120), /^a{120}$/],
    ['a'.repeat(121), /^\d+-\d+$/],
    ['UPPER', /^\d+-\d+$/],
    ['../../etc/passwd', /^\d+-\d+$/],
    ['', /^\d+-\d+$/],
  ])('begins with the name %.30j, or with its print', (name, file) => {
    expect(fileName(name)).toMatch(file)
  })
})

describe('a token in a file', () => {
  it('is read whole', () => {
    const path = written(JSON.stringify(ENTRY))
    expect(readAnyEntry(path)).toEqual(ENTRY)
    expect(readEntry(path, ENTRY.name, ENTRY.identity)).toEqual(ENTRY)
  })

  it('is nobody else’s', () => {
    const path = written(JSON.stringify(ENTRY))
    expect(readEntry(path, ENTRY.name, 'someone else')).toBeUndefined()
    expect(readEntry(path, 'other.test', ENTRY.identity)).toBeUndefined()
  })

  const fields = Object.keys(ENTRY)

  it.each(fields)('is none without its %s', (field) => {
    expect(readAnyEntry(written(JSON.stringify({ ...ENTRY, [field]: undefined })))).toBeUndefined()
  })

  it.each(fields)('is none with a %s of another type', (field) => {
    for (const value of [null, [], {}, typeof ENTRY[field as keyof Entry] === 'string' ? 1 : '1']) {
      expect(readAnyEntry(written(JSON.stringify({ ...ENTRY, [field]: value })))).toBeUndefined()
    }
  })

  it.each(fields.filter((field) => typeof ENTRY[field as keyof Entry] === 'string'))(
    'is none with a %s that is not printable ASCII',
    (field) => {
      for (const value of ['', 'ü', 'a b', 'a\n', '\0', '\u{7f}', '\ud800']) {
        expect(readAnyEntry(written(JSON.stringify({ ...ENTRY, [field]: value })))).toBeUndefined()
      }
    },
  )

  it.each(['mintedAt', 'refreshAt', 'expiresAt'])('is none with an endless %s', (field) => {
    const text = JSON.stringify({ ...ENTRY, [field]: 0 }).replace(
      `"${field}":0`,
      `"${field}":1e400`,
    )
    expect(readAnyEntry(written(text))).toBeUndefined()
  })

  it('is none beyond 256 KiB', () => {
    const text = JSON.stringify(ENTRY)
    expect(readAnyEntry(written(text.padEnd(256 * 1024)))).toEqual(ENTRY)
    expect(readAnyEntry(written(text.padEnd(256 * 1024 + 1)))).toBeUndefined()
  })
})
