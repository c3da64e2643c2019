/** Which registry a Host names, and how that registry calls itself. */

import { parseRegistry } from '../../../src/domain/registry.ts'
import type { RegistryId } from '../content.ts'
import type { Emulation } from '../emulation.ts'
import { type Exchange, Refusal } from '../exchange.ts'

/** Account and region of the Host; the certificate was picked by SNI, but only this counts. */
export function registryOfHost(emulation: Emulation, exchange: Exchange): RegistryId {
  const registry = parseHost(emulation, exchange)
  if (registry?.account) return { account: registry.account, region: registry.region }
  const message = `Could not resolve registry id from host ${hostHeader(exchange)}`
  throw new Refusal(emulation.settings.wrongHostStatus, 'DENIED', message)
}

export function isGallery(emulation: Emulation, exchange: Exchange): boolean {
  return parseHost(emulation, exchange)?.kind === 'public'
}

/** What absolute URLs to the registry start with. */
export function originOf({ settings, ports }: Emulation, exchange: Exchange): string {
  const { headers } = exchange.request
  const { 'x-forwarded-host': forwarded, 'x-forwarded-proto': scheme = 'https' } = headers
  if (settings.readsForwarded && forwarded) return `${String(scheme)}://${String(forwarded)}`
  const port = ports().registry
  return `https://${hostName(exchange)}${settings.locationPort && port !== 443 ? `:${port}` : ''}`
}

/** The Host in lower case, without a port. */
export function hostName(exchange: Exchange): string {
  return hostHeader(exchange).toLowerCase().replace(/:\d*$/, '')
}

const parseHost = (emulation: Emulation, exchange: Exchange) => {
  const [, port] = /:(\d*)$/.exec(hostHeader(exchange)) ?? []
  const { hostPort } = emulation.settings
  const portIsRight = port === undefined || (hostPort && isOwnPort(emulation, Number(port)))
  return portIsRight ? parseRegistry(hostName(exchange)) : undefined
}

// HTTP/2 has it under another name.
const hostHeader = ({ request: { headers } }: Exchange) =>
  headers.host ?? (headers[':authority'] as string | undefined) ?? ''

const isOwnPort = ({ ports }: Emulation, port: number) => port === 443 || port === ports().registry
