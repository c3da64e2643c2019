/** What a push has to keep to before it reaches the registry. */

import { type Check, fields, list, oneOf, type Place, text, unknownKey, wrong } from './checks.ts'

export type PushRules = {
  /** Patterns for the repositories that may be pushed to, named as clients do. */
  readonly repositories?: readonly string[]
  /** Patterns for the tags that may be pushed. */
  readonly tags?: readonly string[]
  /** Patterns for the tags that stay with what they were pushed with first. */
  readonly immutableTags?: readonly string[]
  /** Bytes of configuration and layers together. */
  readonly maxSize?: number
  readonly requireLabels?: Wanted
  readonly requireAnnotations?: Wanted
  /** Repositories that are absent are created so. */
  readonly createRepository?: NewRepository | false
  /** A program and its arguments, asked last; an empty list is none. */
  readonly hook?: readonly string[]
  /** Seconds. */
  readonly hookTimeout?: number
}

/** Names that have to be there, each with a pattern for its value. */
export type Wanted = Readonly<Record<string, string>>

/** How a repository is created. What is not said is ECR's default. */
export type NewRepository = {
  readonly tags?: Readonly<Record<string, string>>
  readonly scanOnPush?: boolean
  readonly imageTagMutability?: 'MUTABLE' | 'IMMUTABLE'
  /** The KMS key that encrypts it. */
  readonly kmsKey?: string
}

/** Reads and checks the rules of one place. */
export function readPushRules(place: Place): PushRules {
  return readKeys(place, RULES)
}

/** The rules for a mapping: its own, and beside them those for all. `undefined` where there are none. */
export function rulesFor(
  all: PushRules | undefined,
  own: PushRules | undefined,
): PushRules | undefined {
  const rules = { ...all, ...own }
  return Object.keys(rules).length > 0 ? rules : undefined
}

type Checks<T> = { readonly [key in keyof T]-?: Check<T[key]> }

const RULES: Checks<PushRules> = {
  repositories: (at) => list(at, matching(/^[a-z0-9._/*-]+$/, 'a pattern such as "team-a/*"')),
  tags: (at) => list(at, tagPattern),
  immutableTags: (at) => list(at, tagPattern),
  maxSize: readSize,
  requireLabels: readWanted,
  requireAnnotations: readWanted,
  createRepository: readCreation,
  hook: readHook,
  hookTimeout: (at) =>
    typeof at.value === 'number' && at.value > 0 && at.value <= LONGEST_HOOK
      ? at.value
      : wrong(at, `a number of seconds above 0 and up to ${LONGEST_HOOK}`),
}

// Clients that push give up on an answer after some minutes.
const LONGEST_HOOK = 300

const CREATION: Checks<NewRepository> = {
  tags: (at) => Object.fromEntries(fields(at).map((tag) => [tag.name, text(tag)])),
  scanOnPush: isTrue,
  imageTagMutability: oneOf('MUTABLE', 'IMMUTABLE'),
  kmsKey: text,
}

function readKeys<T>(place: Place, checks: Checks<T>): T {
  return Object.fromEntries(
    fields(place).map((entry) => {
      if (!Object.hasOwn(checks, entry.name)) unknownKey(entry, Object.keys(checks).join(', '))
      return [entry.name, checks[entry.name as keyof T](entry)]
    }),
  ) as T
}

function readCreation(place: Place): NewRepository | false {
  if (typeof place.value !== 'boolean') return readKeys(place, CREATION)
  return place.value ? {} : false
}

function isTrue(place: Place): boolean {
  return typeof place.value === 'boolean' ? place.value : wrong(place, 'true or false')
}

function matching(form: RegExp, expected: string): Check<string> {
  return (place) => (form.test(text(place)) ? text(place) : wrong(place, expected))
}

function tagPattern(place: Place): string {
  return matching(/^[\w.*-]+$/, 'a pattern such as "v*"')(place)
}

const SIZE = /^(\d+(?:\.\d+)?) ?([KMGT]i?)?B$/
const UNITS: Readonly<Record<string, number>> = {
  K: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
}

function readSize(place: Place): number {
  const { value } = place
  if (Number.isSafeInteger(value) && (value as number) > 0) return value as number
  const [, number, unit = ''] = SIZE.exec(typeof value === 'string' ? value : '') ?? []
  const bytes = Math.floor(Number(number) * (UNITS[unit] ?? 1))
  return bytes > 0 ? bytes : wrong(place, 'a number of bytes, or a size such as "2 GiB"')
}

// A list of names, or names with patterns.
function readWanted(place: Place): Wanted {
  if (Array.isArray(place.value)) {
    return Object.fromEntries(list(place, text).map((name) => [name, '*']))
  }
  return Object.fromEntries(fields(place).map((entry) => [entry.name, text(entry)]))
}

function readHook(place: Place): readonly string[] {
  const command = list(place, text)
  const [program] = command
  if (program === undefined || /^(\/|[A-Za-z]:[\\/])/.test(program)) return command
  return wrong(place, 'a program by its absolute path, and its arguments')
}
