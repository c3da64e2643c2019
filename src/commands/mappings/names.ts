/** Names of mappings, as people write them. */

import { UserError } from '../../domain/errors.ts'
import { readServerUrl } from '../../domain/names.ts'
import { nameOf } from '../../domain/server-url.ts'

/** The name that people wrote, as mappings have it. */
export function nameFor(host: string): string {
  const name = nameIn(host)
  if (name) return name
  throw new UserError('USAGE', `${host || '""'}: expected a host, host:port or *.zone`)
}

/** The same; `undefined` where it is no name. */
export function nameIn(key: string): string | undefined {
  const wildcard = key.startsWith('*.') ? '*.' : ''
  const asked = readServerUrl(key.slice(wildcard.length))
  return asked && `${wildcard}${nameOf(asked)}`
}
