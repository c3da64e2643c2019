/** How things look on a terminal: tables, a little colour, durations. */

import { stripVTControlCharacters } from 'node:util'
import type { World } from './command.ts'

/** Marks a text, where there is colour. */
export type Paint = Readonly<Record<keyof typeof CODES, (text: string) => string>>

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 } as const

/** The colours of stdout; texts stay as they are where it is no terminal that shows any. */
export function paintFor({
  env,
  stdoutIsTerminal,
}: Pick<World, 'env' | 'stdoutIsTerminal'>): Paint {
  // https://no-color.org: any value but an empty one.
  const isColoured = stdoutIsTerminal && !env['NO_COLOR'] && env['TERM'] !== 'dumb'
  const mark = (code: number) => (text: string) =>
    isColoured && text !== '' ? `\x1b[${code}m${text}\x1b[0m` : text
  const marks = Object.entries(CODES).map(([name, code]) => [name, mark(code)] as const)
  return Object.fromEntries(marks) as Paint
}

/** Rows in columns, two spaces apart, each line ending with a newline. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, widthOf(cell))
    })
  }
  return rows
    .map((row) => row.map((cell, column) => cell + gap(cell, widths[column])).join('  '))
    .map((line) => `${line.trimEnd()}\n`)
    .join('')
}

/** A length of time in its two largest units, such as `11 h 42 min`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  const [days, hours] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24]
  const minutes = Math.floor(seconds / 60) % 60
  if (days > 0) return join([days, 'd'], [hours, 'h'])
  if (hours > 0) return join([hours, 'h'], [minutes, 'min'])
  return minutes > 0 ? join([minutes, 'min'], [seconds % 60, 's']) : `${seconds} s`
}

/** A value as it is printed for programs. */
export function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

function join(...parts: readonly (readonly [number, string])[]): string {
  const shown = parts.filter(([count]) => count > 0)
  return shown.map(([count, unit]) => `${count} ${unit}`).join(' ')
}

function gap(cell: string, width = 0): string {
  return ' '.repeat(width - widthOf(cell))
}

function widthOf(cell: string): number {
  return stripVTControlCharacters(cell).length
}
