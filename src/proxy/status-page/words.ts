/** Times, counts and sizes as people read them. */

import { type Markup, markup } from './markup.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** A length of time in its two largest units: `3 h 12 min`. */
export function duration(ms: number): string {
  // A clock that was set back makes no time negative.
  if (ms < MINUTE) return `${Math.max(0, Math.floor(ms / SECOND))} s`
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`
  if (ms < DAY) return join(Math.floor(ms / HOUR), 'h', Math.floor((ms % HOUR) / MINUTE), 'min')
  const days = Math.floor(ms / DAY)
  if (days < 10) return join(days, 'd', Math.floor((ms % DAY) / HOUR), 'h')
  return `${count(days)} days`
}

/** How long ago: `4 min ago`. */
export function ago(at: number, now: number): string {
  return now - at < SECOND ? 'just now' : `${duration(now - at)} ago`
}

/** The same as an element that tells machines, and the pointer, the time itself. */
export function agoElement(at: number, now: number): Markup {
  return timeElement(at, ago(at, now))
}

/** A time under words for it. */
export function timeElement(at: number, words: string): Markup {
  const iso = new Date(at).toISOString()
  const stamp = `${iso.slice(0, 19).replace('T', ' ')} UTC`
  return markup`<time datetime="${iso}" title="${stamp}">${words}</time>`
}

/** The time of the day, UTC: `14:03`. */
export function timeOfDay(at: number): string {
  return new Date(at).toISOString().slice(11, 16)
}

/** A number with its thousands told apart. */
export function count(value: number): string {
  return COUNT.format(value)
}

/** A number of things: `1 name`, `2 names`. */
export function counted(value: number, one: string): string {
  return `${count(value)} ${one}${value === 1 ? '' : 's'}`
}

/** A size in decimal units, as docker shows sizes: `12.3 MB`. */
export function size(bytes: number): string {
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000
    unit += 1
  }
  const text = unit === 0 || value >= 99.5 ? count(Math.round(value)) : value.toPrecision(2)
  return `${text} ${UNITS[unit]}`
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const
const COUNT = new Intl.NumberFormat('en-US')

function join(large: number, unit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${unit}` : `${large} ${unit} ${small} ${smallUnit}`
}
