/** TOML that people write too: edited as text, since a parser would lose their comments. */

import { parse } from 'smol-toml'
import { UserError } from '../domain/errors.ts'

type Value = string | readonly string[]

/** A text as TOML has it. */
export function quote(text: string): string {
  return JSON.stringify(text)
}

/** The value of a TOML text. A UserError names file, line and column where it is broken. */
export function parseToml(path: string, text: string): Readonly<Record<string, unknown>> {
  try {
    return parse(text)
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

/** Sets a key of a table, where it stands or behind the table's head; adds the table at the end. */
export function setInTable(
  text: string,
  table: readonly string[],
  [key, value]: readonly [string, Value],
): string {
  const written = `${key} = ${toToml(value)}`
  const lines = text.split('\n')
  const head = lines.findIndex((line) => isHeadOf(line, table))
  if (head === -1) {
    const gap = text === '' || text.endsWith('\n') ? '' : '\n'
    const above = text === '' ? '' : '\n'
    return `${text}${gap}${above}[${table.map(toKey).join('.')}]\n  ${written}\n`
  }
  const end = lines.findIndex((line, index) => index > head && /^\s*\[/.test(line))
  const own = lines.slice(head + 1, end === -1 ? undefined : end)
  const at = own.findIndex((line) => new RegExp(`^\\s*"?${key}"?\\s*=`).test(line))
  const margin = /^\s*/.exec(own[Math.max(at, 0)] ?? '')?.[0] || '  '
  const eol = lines[head]?.endsWith('\r') ? '\r' : ''
  lines.splice(head + 1 + Math.max(at, 0), at === -1 ? 0 : 1, `${margin}${written}${eol}`)
  return lines.join('\n')
}

function isHeadOf(line: string, table: readonly string[]): boolean {
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
