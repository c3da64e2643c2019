/** TOML that people write too: edited as text, since a parser would lose their comments. */

import { parse } from 'smol-toml'
import { UserError } from '../domain/errors.ts'
import { textOf } from './plan.ts'

type Value = string | readonly string[]
type Table = readonly string[]

/** A text as TOML has it. */
export function quote(text: string): string {
  return JSON.stringify(text)
}

/** The text of a TOML file and its value; both are empty where there is no file. */
export function readToml(path: string) {
  const text = textOf(path)
  return { text, value: parseToml(path, text) }
}

/** The value of a TOML text. A UserError names file, line and column where it is broken. */
export function parseToml(path: string, text: string): Readonly<Record<string, unknown>> {
  try {
    return parse(text.replace(/^\uFEFF/, ''))
  } catch (error) {
    const { line = 1, column = 1 } = error as { readonly line?: number; readonly column?: number }
    const message = `${path}: line ${line}, column ${column}: expected TOML; mend it first`
    throw new UserError('FILE', message, { cause: error })
  }
}

/** The value below some keys, if there is one. */
export function valueAt(value: unknown, keys: readonly string[]): unknown {
  return keys.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null
        ? (inner as Record<string, unknown>)[key]
        : undefined,
    value,
  )
}

/**
 * Sets a key of a table: where it stands, or behind the table's head, or in a table at the end.
 * A UserError says what to do by hand where the text has it in another way.
 */
export function setInToml(
  { path, text }: { readonly path: string; readonly text: string },
  table: Table,
  [key, value]: readonly [string, Value],
): string {
  const written = `${toKey(key)} = ${toToml(value)}`
  const isSet = (candidate: string) => holds(candidate, [...table, key], value)
  const after = [...candidates(text, table, key, written)].find(isSet)
  if (after !== undefined) return after
  const name = table.map(toKey).join('.')
  throw new UserError('FILE', `${path}: write ${written} into [${name}] by hand, and run it again`)
}

function holds(text: string, keys: readonly string[], value: Value): boolean {
  try {
    return JSON.stringify(valueAt(parseToml('', text), keys)) === JSON.stringify(value)
  } catch {
    return false
  }
}

// The value that is there may take several lines: as many are replaced as it takes.
function* candidates(text: string, table: Table, key: string, written: string): Iterable<string> {
  const lines = text.split('\n')
  const eol = text.includes('\r\n') ? '\r' : ''
  const head = lines.findIndex((line) => isHeadOf(line, table))
  if (head === -1) {
    const start = text === '' || text.endsWith('\n') ? text : `${text}${eol}\n`
    const gap = text === '' ? '' : `${eol}\n`
    yield `${start}${gap}[${table.map(toKey).join('.')}]${eol}\n  ${written}${eol}\n`
    return
  }
  const next = lines.findIndex((line, index) => index > head && /^\s*\[\[?[^[\],]+\]/.test(line))
  const own = lines.slice(head + 1, next === -1 ? undefined : next)
  const at = own.findIndex((line) => new RegExp(`^\\s*"?${key}"?\\s*=`).test(line))
  const given = own[Math.max(at, 0)] ?? ''
  const margin = /^[ \t]*/.exec(given)?.[0] || '  '
  const comment = at === -1 ? '' : (/\s#[^"'\r]*/.exec(given)?.[0] ?? '')
  const start = head + 1 + Math.max(at, 0)
  for (let count = at === -1 ? 0 : 1; count <= Math.max(own.length, 0); count++) {
    yield lines.toSpliced(start, count, `${margin}${written}${comment}${eol}`).join('\n')
    if (at === -1) return
  }
}

function isHeadOf(line: string, table: Table): boolean {
  const [, inner] = /^\s*\[([^[\]]*(?:"[^"]*"[^[\]]*)*)\]\s*(?:#.*)?\r?$/.exec(line) ?? []
  if (inner === undefined) return false
  const keys = [...inner.matchAll(/"([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+)/g)]
  const names = keys.map(([, double, single, bare]) => double ?? single ?? bare)
  return names.length === table.length && names.every((name, index) => name === table[index])
}

function toKey(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : quote(key)
}

function toToml(value: Value): string {
  return typeof value === 'string' ? quote(value) : `[${value.map(quote).join(', ')}]`
}
