/** Checks of values that people wrote, each failing with one line that names the place. */

import { UserError } from './errors.ts'

/** A value, and where it stands. */
export type Place = { readonly where: string; readonly key: string; readonly value: unknown }
/** A value under a name of an object. */
export type Field = Place & { readonly name: string }
/** Gives the value in its type or throws a UserError of code CONFIG. */
export type Check<T> = (place: Place) => T

/** The value as an object. */
export function record(place: Place): Readonly<Record<string, unknown>> {
  const { value } = place
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return wrong(place, 'an object')
  }
  return value as Readonly<Record<string, unknown>>
}

/** The fields of an object, each where it stands. */
export function fields(place: Place): readonly Field[] {
  return Object.entries(record(place)).map(([name, value]) => {
    const own = name.includes('.') ? JSON.stringify(name) : name
    return { where: place.where, key: place.key ? `${place.key}.${own}` : own, value, name }
  })
}

/** The value as a list, each item checked. */
export function list<T>(place: Place, check: Check<T>): readonly T[] {
  if (!Array.isArray(place.value)) return wrong(place, 'a list')
  return place.value.map((value: unknown, index) =>
    check({ where: place.where, key: `${place.key}[${index}]`, value }),
  )
}

/** The value as a text that is not empty. */
export function text(place: Place): string {
  return typeof place.value === 'string' && place.value !== ''
    ? place.value
    : wrong(place, 'a text')
}

/** A check that the value is one of a few words. */
export function oneOf<T extends string>(...allowed: readonly T[]): Check<T> {
  return (place) =>
    allowed.find((one) => one === place.value) ??
    wrong(place, allowed.map((one) => `"${one}"`).join(' or '))
}

/** Refuses a value: one line with source, key and what was expected. */
export function wrong({ where, key, value }: Place, expected: string): never {
  const got = value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 80)
  throw new UserError(
    'CONFIG',
    `${where}: ${key || 'the top level'}: expected ${expected}, got ${got}`,
  )
}

/** Refuses a key. Its value is not shown: a key that is not known may hold anything. */
export function unknownKey({ where, key }: Place, expected: string): never {
  throw new UserError('CONFIG', `${where}: ${key}: unknown key, expected ${expected}`)
}
