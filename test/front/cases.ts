/** Cases for the native front and its reference: a store, a caller, a full program. */

import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { nameOf, parseServerUrl } from '../../src/domain/server-url.ts'
import { loginFile } from '../../src/front/answer.ts'
import { tokenFile } from '../../src/front/entry.ts'
import { failureFile } from '../../src/front/failure.ts'
import { identityOf, IDENTITY_VARIABLES } from '../../src/front/identity.ts'
import { type Environment, storeFolder } from '../../src/front/places.ts'
import { turnOf } from '../../src/front/turn.ts'
import { entryShape } from './entries.ts'
import { serverUrl } from './hosts.ts'
import { type Random, randomOf } from './random.ts'
import { type End, ENDS } from './stand-in.ts'

export type Input = Buffer | 'closed' | 'a folder' | '/dev/null'
export type Output = 'a pipe' | 'closed' | 'full' | 'a pipe that nobody reads'

export type Case = {
  readonly title: string
  readonly args: readonly string[]
  readonly input: Input
  readonly stdout: Output
  readonly end: End
  readonly isBeside: boolean
  readonly env: (folder: string) => Environment
  /** Fills the store, the same way each time. */
  readonly place: (folder: string, now: number) => void
}

/** Case `number` of a seed; `folder` is where it will run. */
export function caseOf(seed: number, number: number): Case {
  const random = randomOf(Math.imul(seed, 1_000_003) + number)
  const asked = serverUrl(random)
  const { args, input } = callOf(asked, random)
  const environment = environmentOf(random)
  const store = storeOf(asked, environment.env, random)
  const stdout = random.chance(0.85)
    ? 'a pipe'
    : random.pick(['closed', 'full', 'a pipe that nobody reads'] as const)
  const end = random.pick(ENDS)
  const isBeside = random.chance(0.3)
  return {
    title: [
      `${JSON.stringify(args)} on ${describeInput(input)}, stdout ${stdout}`,
      environment.title,
      store.title,
      `the full program ${end}, ${isBeside ? 'beside' : 'on PATH'}`,
    ].join('; '),
    args,
    input,
    stdout,
    end,
    isBeside,
    env: environment.env,
    place: store.place,
  }
}

// stdin that is closed is a difference by design for all but `get`: see program.test.ts.
const OTHER_ARGS: readonly (readonly string[])[] = [
  [],
  ['list'],
  ['store'],
  ['erase'],
  ['version'],
  ['--version'],
  ['-v'],
  ['--help'],
  ['get', 'get'],
  ['GET'],
  ['get '],
  [''],
  ['gét\u{1f433}'],
  ['--', 'get'],
  ['renew', 'a.test'],
  ['x'.repeat(10_000)],
]

function callOf(asked: string, random: Random): { args: readonly string[]; input: Input } {
  const isGet = random.chance(0.85)
  const args = isGet ? ['get'] : random.pick(OTHER_ARGS)
  if (random.chance(0.85)) return { args, input: Buffer.from(asked) }
  const inputs: readonly Input[] = [
    Buffer.alloc(0),
    Buffer.from('\n'),
    Buffer.from('\r\n'),
    Buffer.from([0, 1, 2, 0xff, 0xfe, 0xc0, 0xaf, 0x80, 10]),
    Buffer.concat([Buffer.from(asked), Buffer.from([0xff])]),
    Buffer.concat([Buffer.from(asked), Buffer.from([0xe2, 0x82])]),
    Buffer.alloc(1_000_000, 'a'),
    Buffer.from(asked.padEnd(1_000_000)),
    Buffer.from(`${asked}/${'ü'.repeat(100_000)}`),
    'a folder',
    '/dev/null',
    isGet ? 'closed' : '/dev/null',
  ]
  return { args, input: random.pick(inputs) }
}

function describeInput(input: Input): string {
  if (typeof input === 'string') return input
  const text = JSON.stringify(input.toString('latin1'))
  return text.length < 200 ? text : `${text.slice(0, 100)}… (${input.length} bytes)`
}

type Titled<T> = readonly [title: string, value: T]
type Change = (folder: string) => Environment

const ENVIRONMENTS: readonly Titled<Change>[] = [
  ['no HOME', () => ({ HOME: undefined })],
  [
    'no HOME, but AWS files',
    (folder) => ({
      HOME: undefined,
      AWS_SHARED_CREDENTIALS_FILE: `${folder}/credentials`,
      AWS_CONFIG_FILE: `${folder}/config`,
      XDG_CACHE_HOME: `${folder}/cache`,
    }),
  ],
  ['no HOME, but a store', (folder) => ({ HOME: undefined, ECR_CNAME_HOME: `${folder}/own` })],
  ['an empty HOME', (folder) => ({ HOME: '', ECR_CNAME_HOME: `${folder}/own` })],
  ['a relative HOME', (folder) => ({ HOME: 'home', ECR_CNAME_HOME: `${folder}/own` })],
  ['HOME with a slash', (folder) => ({ HOME: `${folder}/home/` })],
  ['HOME not in ASCII', (folder) => ({ HOME: `${folder}/hömé \u{1f433}` })],
  ['only USERPROFILE', (folder) => ({ HOME: undefined, USERPROFILE: `${folder}/home` })],
  ['XDG_CACHE_HOME', (folder) => ({ XDG_CACHE_HOME: `${folder}/cache` })],
  ['a relative XDG_CACHE_HOME', () => ({ XDG_CACHE_HOME: 'cache' })],
  ['an empty XDG_CACHE_HOME', () => ({ XDG_CACHE_HOME: '' })],
  ['XDG_CONFIG_HOME', (folder) => ({ XDG_CONFIG_HOME: `${folder}/config-home` })],
  ['ECR_CNAME_HOME', (folder) => ({ ECR_CNAME_HOME: `${folder}/own` })],
  ['ECR_CNAME_HOME with a slash', (folder) => ({ ECR_CNAME_HOME: `${folder}/own/` })],
  ['a relative ECR_CNAME_HOME', () => ({ ECR_CNAME_HOME: 'own' })],
  ['ECR_CNAME_HOME not in ASCII', (folder) => ({ ECR_CNAME_HOME: `${folder}/ö \u{1f433}` })],
  ['ECR_CNAME_CACHE=off', () => ({ ECR_CNAME_CACHE: 'off' })],
  ['ECR_CNAME_CACHE=on', () => ({ ECR_CNAME_CACHE: 'on' })],
  ['ECR_CNAME_CONFIG', (folder) => ({ ECR_CNAME_CONFIG: `${folder}/own.json` })],
  ['an instance', () => ({ AWS_EC2_METADATA_DISABLED: undefined })],
  ['IMDS disabled otherwise', () => ({ AWS_EC2_METADATA_DISABLED: 'TRUE' })],
  ['a container token', () => ({ AWS_CONTAINER_AUTHORIZATION_TOKEN: 'Bearer \u{1f433} x' })],
  ['a long container token', () => ({ AWS_CONTAINER_AUTHORIZATION_TOKEN: 'x'.repeat(100_000) })],
  ['a web identity', (folder) => ({ AWS_WEB_IDENTITY_TOKEN_FILE: `${folder}/credentials` })],
  ['credentials in a device', () => ({ AWS_SHARED_CREDENTIALS_FILE: '/dev/null' })],
  ['credentials in a folder', () => ({ AWS_SHARED_CREDENTIALS_FILE: '/etc' })],
  ['credentials in a relative file', () => ({ AWS_SHARED_CREDENTIALS_FILE: '../gone' })],
]

const VALUES = ['x', '', 'a b', 'true', 'false', 'ü\u{1f433}', '%00', 'a,b', 'a\nb', "it's (*)!~"]

function environmentOf(random: Random): { title: string; env: Change } {
  const [title, change] = random.chance(0.3) ? random.pick(ENVIRONMENTS) : ['a home', () => ({})]
  const more: Record<string, string> = {}
  while (random.chance(0.25)) more[random.pick(IDENTITY_VARIABLES)] = random.pick(VALUES)
  return {
    title: [title, ...Object.entries(more).map(([name, value]) => `${name}=${value}`)].join(', '),
    env: (folder) => ({
      HOME: `${folder}/home`,
      AWS_EC2_METADATA_DISABLED: 'true',
      ...more,
      ...change(folder),
    }),
  }
}

type Place = (path: string, now: number) => void

// Never a process: the kernel's ids end at 4,194,304.
const DEAD = 4_999_999
const text =
  (content: (now: number) => string): Place =>
  (path, now) =>
    writeFileSync(path, content(now))
const old =
  (content: string): Place =>
  (path, now) => {
    writeFileSync(path, content)
    utimesSync(path, now / 1000, now / 1000 - 3600)
  }

/** Locks that keep nobody waiting for long. */
const LOCKS: readonly Titled<Place>[] = [
  ['of a dead process', text((now) => `${DEAD} ${now}`)],
  ['given to a dead process', text((now) => `${DEAD} ${now} given`)],
  ['of a living process, for too long', text((now) => `${process.pid} ${now - 16_000}`)],
  ['of a living process of the future', text((now) => `${process.pid} ${now + 3600_000}`)],
  ['of nobody', text((now) => `0 ${now}`)],
  ['of no process there can be', text((now) => `99999999999999999999 ${now}`)],
  ['with a line end', text((now) => `${DEAD} ${now}\n`)],
  ['just made', old('')],
  ['old and empty', old('')],
  ['old rubbish', old('rubbish ../../x')],
  ['old and binary', old('\0\u{fffd}\0')],
  ['old and huge', old('1 '.repeat(200_000))],
  ['with a claim on it', text(() => `${DEAD} 1`)],
  ['that is a link to nowhere', (path) => symlinkSync('nowhere', path)],
]

/** Locks that keep a token from being renewed, but would keep an expired one waiting. */
const AT_WORK: readonly Titled<Place>[] = [
  ['of a living process', text((now) => `${process.pid} ${now - 5000}`)],
  ['given to a living process', text((now) => `${process.pid} ${now - 5000} given`)],
]

/** Locks that soon keep nobody waiting; by then a renewal would have started, or not. */
const NEARLY_OVER: readonly Titled<Place>[] = [
  ['of a living process, nearly too long', text((now) => `${process.pid} ${now - 14_700}`)],
  ['given to a living process, long ago', text((now) => `${process.pid} ${now - 14_800} given`)],
]

const failure = (at: unknown, message: unknown = 'denied; do this') =>
  JSON.stringify({ at, code: 'ACCESS_DENIED', message })

const FAILURES: readonly Titled<Place>[] = [
  ['of an hour ago', text((now) => failure(now - 3600_000))],
  ['of just now', text((now) => failure(now - 20_000))],
  ['of a minute to come', text((now) => failure(now + 60_000))],
  ['not in ASCII', text((now) => failure(now + 60_000, 'ü \u{1f433} \n two'))],
  ['with half a character', text((now) => failure(now + 60_000).replace('den', '\\ud83dx'))],
  ['of no time', text(() => failure('soon'))],
  ['of a time beyond all', text(() => failure(0).replace('"at":0', '"at":1e400'))],
  ['without a message', text((now) => failure(now + 60_000, null))],
  ['half written', text((now) => failure(now + 60_000).slice(0, 30))],
  ['null', text(() => 'null')],
  ['empty', text(() => '')],
  ['a list', text(() => '[]')],
  ['a folder', (path) => mkdirSync(path)],
  ['a FIFO', (path) => execFileSync('mkfifo', [path])],
  ['not UTF-8', (path) => writeFileSync(path, Buffer.from([0x7b, 0xff, 0x7d]))],
]

const LOGINS: readonly Titled<Place>[] = [
  ['whole', text(() => '{"name":"x","username":"me","secret":"pw"}')],
  ['empty', text(() => '')],
  ['a folder', (path) => mkdirSync(path)],
  ['a link to nowhere', (path) => symlinkSync('nowhere', path)],
]

/** What is wrong with the store as a whole. */
const STORES: readonly Titled<(store: string) => void>[] = [
  ['a store that is a file', (store) => replace(store, () => writeFileSync(store, 'x'))],
  ['a store that is a FIFO', (store) => replace(store, () => execFileSync('mkfifo', [store]))],
  ['a store that is a link to itself', (store) => replace(store, () => symlinkSync(store, store))],
  [
    'tokens that are a file',
    (store) => replace(`${store}/tokens`, () => writeFileSync(`${store}/tokens`, 'x')),
  ],
  ['no tokens', (store) => rmSync(`${store}/tokens`, { recursive: true })],
]

function replace(path: string, make: () => void): void {
  rmSync(path, { recursive: true })
  make()
}

function maybe<T>(
  random: Random,
  share: number,
  list: readonly Titled<T>[],
): Titled<T> | undefined {
  return random.chance(share) ? random.pick(list) : undefined
}

function storeOf(asked: string, env: Change, random: Random): Pick<Case, 'title' | 'place'> {
  const host = parseServerUrl(asked) ?? { host: 'docker.company.test', port: '' }
  const names = [...new Set([nameOf(host), host.host])].filter(() => random.chance(0.9))
  const kept = names.map((name) => ({ name, shape: entryShape(random) }))
  const waits = kept.filter(({ shape }) => shape.isWaitedFor).length
  const lock =
    maybe(random, 0.35, LOCKS) ??
    (waits === 0 ? maybe(random, 0.2, AT_WORK) : undefined) ??
    (waits === kept.length ? maybe(random, 0.1, NEARLY_OVER) : undefined)
  const note = maybe(random, 0.35, FAILURES)
  const login = maybe(random, 0.08, LOGINS)
  const wrong = maybe(random, 0.05, STORES)
  const other = random.chance(0.12) ? random.pick(IDENTITY_VARIABLES) : ''
  const isEdited = random.chance(0.05)
  return {
    title: [
      ...kept.map(({ name, shape }) => `${name.slice(0, 60)} is ${shape.title}`),
      lock && `a lock ${lock[0]}`,
      note && `a failure ${note[0]}`,
      login && `a login ${login[0]}`,
      wrong?.[0],
      other && `kept under another ${other}`,
      isEdited && 'edited credentials',
    ]
      .filter(Boolean)
      .join(', '),
    place(folder, now) {
      const world = env(folder)
      const store = resolve(folder, storeFolder(world))
      if (!store.startsWith(folder)) return
      mkdirSync(`${store}/tokens`, { recursive: true })
      const keeper = other ? { ...world, [other]: `${world[other] ?? ''}-other` } : world
      for (const { name, shape } of kept) {
        const path = tokenFile(store, name, identityOf(name, keeper))
        shape.place(path, name, identityOf(name, keeper), now)
        lock?.[1](turnOf(path), now)
        if (lock?.[0] === 'just made') utimesSync(turnOf(path), now / 1000, now / 1000)
        if (lock?.[0] === 'with a claim on it') old('')(`${turnOf(path)}.${DEAD}.1`, now)
        note?.[1](failureFile(path), now)
      }
      if (login) {
        const path = loginFile(store, names[0] ?? host.host)
        mkdirSync(dirname(path))
        login[1](path, now)
      }
      wrong?.[1](store)
      if (isEdited) writeFileSync(`${folder}/home/.aws/credentials`, `# ${now}\n`)
    },
  }
}
