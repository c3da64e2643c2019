/** The host that a client asks for, out of every form in which clients write a server URL. */

/** A host in lower case, and a port where it is not the scheme's own; "" for none. */
export type Asked = { readonly host: string; readonly port: string }

const NAME = /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/
const ADDRESS_V6 = /^\[[0-9a-f:.]+\]$/
const PORT = /^[0-9]{1,5}$/
const SCHEME = /^(https?:)?\/\//

/**
 * Reads `host`, `host:port`, `https://host/v2/`, `//host`, `host/team/app` and the like.
 * `undefined` for anything else: user information, control characters, text that is no ASCII.
 */
export function parseServerUrl(text: string): Asked | undefined {
  const url = text.trim().toLowerCase()
  const rest = url.replace(SCHEME, '')
  const authority = rest.split(/[/?#]/)[0] ?? ''
  const bracket = authority.indexOf(']')
  const colon = authority.indexOf(':', bracket + 1)
  const named = colon === -1 ? authority : authority.slice(0, colon)
  const host = named.endsWith('.') ? named.slice(0, -1) : named
  const port = colon === -1 ? '' : authority.slice(colon + 1)
  if (host.length > 253 || !(NAME.test(host) || ADDRESS_V6.test(host))) return undefined
  if (colon !== -1 && !(PORT.test(port) && Number(port) >= 1 && Number(port) <= 65535)) {
    return undefined
  }
  const usual = url.startsWith('http://') ? '80' : '443'
  return { host, port: port === usual ? '' : port }
}

/** The one text under which a host and port are looked up and kept. */
export function nameOf(asked: Asked): string {
  return asked.port === '' ? asked.host : `${asked.host}:${asked.port}`
}
