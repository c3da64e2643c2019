/** A host, and a port where one is named, as a configuration has it. */

import { type Place, text, wrong } from './checks.ts'
import type { HostPort } from './mapping.ts'
import { readServerUrl } from './names.ts'
import type { Asked } from './server-url.ts'

/** The value as a host or host:port. */
export function hostPort(place: Place): HostPort {
  const asked = readHost(place)
  if (!asked) return wrong(place, 'a host or host:port')
  return asked.port === '' ? { host: asked.host } : { host: asked.host, port: Number(asked.port) }
}

/** The host that a value names; `undefined` where it names none, or more than that. */
// A path would be passed over in silence; a scheme and a last slash are how people copy hosts.
export function readHost(place: Place): Asked | undefined {
  const host = text(place)
    .trim()
    .replace(/^https?:\/\//i, '')
    .replace(/\/$/, '')
  return /[/?#]/.test(host) ? undefined : readServerUrl(host)
}
