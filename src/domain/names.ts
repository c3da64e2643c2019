/** Names out of what clients write: beyond the plain host, A-labels, images and logins. */

import { type Asked, nameOf, parseServerUrl } from './server-url.ts'

/**
 * As `parseServerUrl`, with internationalised names read by their A-label, and the image out of
 * kubelet's CredentialProviderRequest, which reaches helpers that were set up as its plugin.
 */
export function readServerUrl(text: string): Asked | undefined {
  const url = imageOf(text) ?? text
  return parseServerUrl(url) ?? parseServerUrl(toAscii(url))
}

/** Docker Hub's names, which are one registry. */
const DOCKER_HUB = ['docker.io', 'index.docker.io', 'registry-1.docker.io']

/** The name of a login: host and port, and the path where the client asks for one by path. */
export function loginName(asked: Asked, serverUrl: string): string {
  if (DOCKER_HUB.includes(asked.host)) return 'index.docker.io'
  const path = serverUrl
    .trim()
    .replace(/^([a-z]+:)?\/\//i, '')
    .replace(/^[^/]*/, '')
  return `${nameOf(asked)}${path.replace(/\/+$/, '').replace(/^\/v[12]$/, '')}`
}

function imageOf(text: string): string | undefined {
  if (!text.trim().startsWith('{')) return undefined
  try {
    const { kind, image } = JSON.parse(text) as {
      readonly kind?: unknown
      readonly image?: unknown
    }
    return kind === 'CredentialProviderRequest' && typeof image === 'string' ? image : undefined
  } catch {
    return undefined
  }
}

function toAscii(text: string): string {
  const [, scheme = '', authority = ''] = /^((?:https?:)?\/\/)?([^/?#]*)/i.exec(text.trim()) ?? []
  if (!/[^\0-\x7f]/.test(authority) || /[\p{Cc}\s@%\\]/u.test(authority)) return ''
  try {
    return `${scheme}${new URL(`https://${authority}`).host}`
  } catch {
    return ''
  }
}
