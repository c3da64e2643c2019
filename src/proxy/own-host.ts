/** Whether a request was meant for the address that it came to. */

import { isIP } from 'node:net'
import { bareHost } from './address.ts'

/**
 * Whether a Host is an IP address, localhost or the address's own host. A page that someone looks
 * at can have its own name lead here (DNS rebinding), but then that name is the Host.
 */
export function isOwnHost(asked: string | undefined, own: string): boolean {
  const host = (asked ?? '').toLowerCase().replace(/:\d*$/, '')
  return isIP(bareHost(host)) !== 0 || host === 'localhost' || host === own.toLowerCase()
}
