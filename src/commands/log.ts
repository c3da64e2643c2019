/** The log on stderr: one line an event, for machines or for people. */

import { oneLine, UserError } from '../domain/errors.ts'

/** From what must be told to what may be of use. */
export const LEVELS = ['error', 'warn', 'info', 'debug'] as const
export type LogLevel = (typeof LEVELS)[number]

/** What an event is about; nothing secret is ever put here. */
export type LogFields = Readonly<Record<string, unknown>>
export type Log = (level: LogLevel, message: string, fields?: LogFields) => void

export type LogOptions = {
  readonly level: LogLevel
  readonly format: 'json' | 'pretty'
  readonly write: (text: string) => void
  /** For what is no warning, where a write of its own for each line would cost too much. */
  readonly writeSoon?: (text: string) => void
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** A log that leaves out what is below its level. */
export function createLog(options: LogOptions): Log {
  const { level: lowest, format, write, writeSoon = write, now } = options
  const form = format === 'json' ? toJson : toPretty
  const timeOf = createClock()
  return (level, message, fields = {}) => {
    if (LEVELS.indexOf(level) > LEVELS.indexOf(lowest)) return
    const put = LEVELS.indexOf(level) > LEVELS.indexOf('warn') ? writeSoon : write
    put(`${form(timeOf(now()), { level, message }, fields)}\n`)
  }
}

/** The level that ECR_CNAME_LOG names; `info` where it is not set. */
export function readLevel(text: string | undefined): LogLevel {
  if (!text) return 'info'
  const level = LEVELS.find((one) => one === text)
  if (level) return level
  throw new UserError('CONFIG', `ECR_CNAME_LOG: expected ${LEVELS.join(', ')}, got ${text}`)
}

// Of several events within a millisecond, the first makes the text.
function createClock(): (at: number) => string {
  let last = NaN
  let text = ''
  return (at) => {
    if (at !== last) text = new Date(at).toISOString()
    last = at
    return text
  }
}

type Event = { readonly level: LogLevel; readonly message: string }

function toJson(time: string, event: Event, fields: LogFields): string {
  const head = JSON.stringify({ time, level: event.level, message: event.message })
  const told = JSON.stringify(fields)
  // As text, for a copy of both into one object would take longer than all else.
  return told === '{}' ? head : `${head.slice(0, -1)},${told.slice(1)}`
}

function toPretty(time: string, { level, message }: Event, fields: LogFields): string {
  const told = Object.entries(fields).filter(([, value]) => value !== undefined)
  const values = told.map(([name, value]) => `${name}=${toText(value)}`)
  return oneLine([time.slice(11, 19), level.padEnd(5), message, ...values].join(' '))
}

function toText(value: unknown): string {
  return typeof value === 'string' && /^[^\s"]+$/.test(value) ? value : JSON.stringify(value)
}
