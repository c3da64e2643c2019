/** Where a listener may be. */

import { BlockList, isIP } from 'node:net'

/** A host, its IPv6 form in brackets, and a port; 0 is any that is free. */
export type Address = { readonly host: string; readonly port: number }

/** Reads `ADDR:PORT`. */
export function parseAddress(text: string): Address | undefined {
  const [, host, digits] = /^(\[[\da-f:.]+\]|[\w.-]+):(\d{1,5})$/i.exec(text) ?? []
  const port = Number(digits)
  return host && port <= 65_535 ? { host, port } : undefined
}

/** The host as Node takes it: an IPv6 address without the brackets of a URL. */
export function bareHost(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}

/** Whether only this machine can reach it. */
export function isLoopback(address: Address): boolean {
  const host = bareHost(address.host)
  const loopback = new BlockList()
  loopback.addSubnet('127.0.0.0', 8)
  loopback.addAddress('::1', 'ipv6')
  const family = isIP(host)
  return family === 0 ? host === 'localhost' : loopback.check(host, family === 6 ? 'ipv6' : 'ipv4')
}
