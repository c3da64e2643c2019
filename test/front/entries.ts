/** What may stand where a token is kept: good, old, spoilt, and not a file at all. */

import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import type { Entry } from '../../src/front/entry.ts'
import { type Random, randomOf } from './random.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const SECRET = 'c2VjcmV0'.repeat(300)

type Times = Pick<Entry, 'mintedAt' | 'refreshAt' | 'expiresAt'>

/** Ages, each a good while from the next. */
const AGES: Readonly<Record<string, (now: number) => Times>> = {
  fresh: (now) => lifeFrom(now - HOUR),
  aging: (now) => lifeFrom(now - 7 * HOUR),
  ending: (now) => lifeFrom(now - 11.9 * HOUR),
  expired: (now) => lifeFrom(now - 13 * HOUR),
  'expired for years': () => lifeFrom(0),
  'of the future': (now) => lifeFrom(now + HOUR),
  'from before 1970': () => lifeFrom(-HOUR),
  'of a clock that was a minute ahead': (now) => lifeFrom(now + MINUTE),
  'longer than any lives': (now) => ({ ...lifeFrom(now - HOUR), expiresAt: now + 48 * HOUR }),
  'short and fresh': (now) => ({ mintedAt: now, refreshAt: now + HOUR, expiresAt: now + HOUR }),
  'short and ending': (now) => ({
    mintedAt: now - HOUR,
    refreshAt: now,
    expiresAt: now + 5 * MINUTE,
  }),
  'to be refreshed before it was minted': (now) => ({ ...lifeFrom(now - HOUR), refreshAt: -1e12 }),
  'in fractions of a millisecond': (now) => lifeFrom(now - HOUR + 0.123456789),
}

/** The ages at which a `get` waits for another one's mint. */
const WAITED_FOR = [
  'ending',
  'expired',
  'expired for years',
  'of the future',
  'from before 1970',
  'longer than any lives',
  'short and ending',
]

function lifeFrom(mintedAt: number): Times {
  return { mintedAt, refreshAt: mintedAt + 6 * HOUR, expiresAt: mintedAt + 12 * HOUR }
}

/** Ways to spoil a whole entry's text. */
const SPOILS: Readonly<Record<string, (text: string, random: Random) => string | Buffer>> = {
  truncated: (text, random) => text.slice(0, random.below(text.length)),
  'with flipped bits': (text, random) => {
    const bytes = Buffer.from(text)
    const limit = random.chance(0.5) ? bytes.length : 120
    for (let count = 1 + random.below(3); count > 0; count--) {
      const at = random.below(limit)
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8))
    }
    return bytes
  },
  'behind a BOM': (text) => `\u{feff}${text}`,
  'before junk': (text, random) => text + random.pick(['x', '}', ',', '\0', '{}', ' ', '\n', '//']),
  'behind junk': (text, random) => random.pick([' ', '\n', '\0', '\v', '\u{a0}', ',', '[']) + text,
  'with a key twice': (text, random) =>
    text.replace('{', `{${random.pick(['"v":2', '"secret":"other"', '"expiresAt":0'])},`),
  'with a last key twice': (text, random) =>
    text.replace(/}$/, `,${random.pick(['"v":2', '"secret":"other"', '"anyPort":0'])}}`),
  'with __proto__': (text) => text.replace('{', '{"__proto__":{"secret":"other","v":2},'),
  'with its fields in __proto__': (text) => `{"__proto__":${text}}`,
  'with a constructor': (text) => text.replace('{', '{"constructor":null,"toString":1,'),
  'with a number beyond all': (text, random) => withTime(text, random, '1e400'),
  'with a number far below': (text, random) => withTime(text, random, '-1e400'),
  'with a number that is none': (text, random) =>
    withTime(text, random, random.pick(['NaN', 'Infinity', '0x10', '01', '+1', '1.', '.5', '-'])),
  'with an odd number': (text, random) =>
    withTime(text, random, random.pick(['-0', '1E3', '1e-400', '9007199254740993', '0.1e1'])),
  'with a field of another type': (text, random) =>
    withField(text, random, random.pick(['null', 'true', '1', '""', '"x"', '[]', '{}', '"1"'])),
  'without a field': (text, random) => {
    const entry = JSON.parse(text) as Record<string, unknown>
    delete entry[random.pick(Object.keys(entry))]
    return JSON.stringify(entry)
  },
  'with more fields': (text) => text.replace('{', '{"more":[1,{"a":null}],"":false,"ü":"\\u00fc",'),
  'with text that is not ASCII': (text, random) =>
    withField(text, random, random.pick(['"ü"', '"\u{1f433}"', '"a\\u0000"', '"a b"', '"\\n"'])),
  'with escapes': (text, random) =>
    withField(text, random, random.pick(['"\\u0041"', '"\\/"', '"\\x41"', '"\\ud83d\\udc33"'])),
  'with a deep field': (text, random) => {
    const depth = 1 + random.below(900)
    return text.replace('{', `{"deep":${'['.repeat(depth)}${']'.repeat(depth)},`)
  },
  'that is deep': (_, random) => '['.repeat(1 + random.below(900)),
  'that never closes': () => '{"a":'.repeat(900),
  'with bytes that are no UTF-8': (text, random) => {
    const bytes = Buffer.from(text)
    const bad = random.pick([[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]])
    return Buffer.concat([
      bytes.subarray(0, random.below(200)),
      Buffer.from(bad),
      bytes.subarray(200),
    ])
  },
  'in UTF-16': (text) => Buffer.from(text, 'utf16le'),
  'in single quotes': (text) => text.replaceAll('"', "'"),
  'with a comma too many': (text) => text.replace(/}$/, ',}'),
  'with comments': (text) => `/* a */${text}`,
  'in an array': (text) => `[${text}]`,
  'in a text': (text) => JSON.stringify(text),
  'that is 200 KB': (text) => text + ' '.repeat(200_000),
  'that is 200 KB in one field': (text) => text.replace('{', `{"more":"${'x'.repeat(200_000)}",`),
  'that has a secret of 200 KB': (text) => text.replace(SECRET, 'x'.repeat(200_000)),
  'that is 256 KiB to the byte': (text) => text.padEnd(256 * 1024),
  'that is 256 KiB and a byte': (text) => text.padEnd(256 * 1024 + 1),
  'that is 1 MB': (text) => text + ' '.repeat(1_000_000),
  'that is another thing': (_, random) =>
    random.pick(['', 'null', '[]', '{}', '1', '"x"', 'true', ' ', '\0', 'undefined', '[null]']),
}

/** Things that are not plain files. */
const THINGS: Readonly<Record<string, (path: string, text: string) => void>> = {
  'a FIFO': (path) => execFileSync('mkfifo', [path]),
  'a folder': (path) => mkdirSync(path),
  'a link to nowhere': (path) => symlinkSync('nowhere', path),
  'a link to itself': (path) => symlinkSync(path, path),
  'a link to /dev/zero': (path) => symlinkSync('/dev/zero', path),
  'a link to /dev/null': (path) => symlinkSync('/dev/null', path),
  'a link to its file elsewhere': (path, text) => {
    writeFileSync(`${path}.elsewhere`, text)
    symlinkSync(`${path}.elsewhere`, path)
  },
  'not to be read': (path, text) => {
    writeFileSync(path, text)
    chmodSync(path, 0)
  },
}

const FIELDS = /"(v|name|identity|registry|username|secret|mintedAt|refreshAt|expiresAt|anyPort)":/g

function withField(text: string, random: Random, value: string): string {
  const field = random.pick([...text.matchAll(FIELDS)].map(([key]) => key))
  return text.replace(new RegExp(`${field}("[^"]*"|[^,}]*)`), () => `${field}${value}`)
}

function withTime(text: string, random: Random, value: string): string {
  const field = random.pick(['mintedAt', 'refreshAt', 'expiresAt'])
  return text.replace(new RegExp(`"${field}":[^,}]*`), () => `"${field}":${value}`)
}

/** What stands in the place of an entry. */
export type Shape = {
  readonly title: string
  /** Whether a `get` waits while another one mints. */
  readonly isWaitedFor: boolean
  readonly place: (path: string, name: string, identity: string, now: number) => void
}

/** An entry as its writer writes it. */
export function entryText(name: string, identity: string, times: Times, anyPort = true): string {
  const registry = '123456789012.dkr.ecr.us-east-1.amazonaws.com'
  const entry = {
    v: 1,
    name,
    identity,
    registry,
    username: 'AWS',
    secret: SECRET,
    ...times,
    anyPort,
  }
  return JSON.stringify(entry)
}

/** A good entry of an age. */
export function textOfAge(age: string, name: string, identity: string, now: number): string {
  return entryText(name, identity, (AGES[age] ?? lifeFrom)(now))
}

export function entryShape(random: Random): Shape {
  const age = random.pick(
    random.chance(0.7)
      ? ['fresh', 'fresh', 'aging', 'aging', 'ending', 'expired']
      : Object.keys(AGES),
  )
  const anyPort = random.chance(0.8)
  const kind = random.next()
  const spoil = kind < 0.4 ? random.pick(Object.keys(SPOILS)) : ''
  const thing = kind > 0.92 ? random.pick(Object.keys(THINGS)) : ''
  // The two programs get the same, drawn here and not when it is placed.
  const seed = random.below(2 ** 31)
  return {
    title: `${age} ${spoil}${thing}${anyPort ? '' : ', for its own port'}`,
    isWaitedFor: WAITED_FOR.includes(age),
    place(path, name, identity, now) {
      const text = entryText(name, identity, (AGES[age] ?? lifeFrom)(now), anyPort)
      if (thing) THINGS[thing]?.(path, text)
      else writeFileSync(path, spoil ? (SPOILS[spoil]?.(text, randomOf(seed)) ?? '') : text)
    },
  }
}
