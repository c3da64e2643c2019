/** A host, and a port where one is named, as a configuration has it. */

import { type Place, text, wrong } from './checks.ts'
import type { HostPort } from './mapping.ts'
import { readServerUrl } from './names.ts'

/** The value as a host or host:port. */
export function hostPort(place: Place): HostPort {
  const asked = readServerUrl(text(place))
  if (!asked) return wrong(place, 'a host or host:port')
  return asked.port === '' ? { host: asked.host } : { host: asked.host, port: Number(asked.port) }
}
