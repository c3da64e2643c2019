/** A `get` that the store can answer: one identity, one file, no configuration, no network. */

import { existsSync } from 'node:fs'
import { type Entry, fileName, readEntry, tokenFile } from './entry.ts'
import { identityOf } from './identity.ts'
import { type Environment, storeFolder } from './places.ts'
import { nameOf, parseServerUrl } from '../domain/server-url.ts'

/** What the store has for a host, and where. */
export type Kept = { readonly entry: Entry; readonly file: string }

/** The token kept for a host: under its own port, else under the bare host for every port. */
export function findKept(serverUrl: string, env: Environment): Kept | undefined {
  const asked = parseServerUrl(serverUrl)
  if (asked === undefined || isOff(env)) return undefined
  const own = lookup(nameOf(asked), env)
  if (own !== undefined || asked.port === '') return own
  const shared = lookup(asked.host, env)
  return shared !== undefined && shared.entry.anyPort ? shared : undefined
}

/** Docker's answer to `get`. The server URL is an echo: some clients use it as the address. */
export function replyOf(serverUrl: string, username: string, secret: string): string {
  const server = JSON.stringify(serverUrl.trim())
  const user = JSON.stringify(username)
  return `{"ServerURL":${server},"Username":${user},"Secret":${JSON.stringify(secret)}}\n`
}

/** The file of a login that is kept until it is erased. */
export function loginFile(folder: string, name: string): string {
  return `${folder}/logins/${fileName(name)}.json`
}

/** Whether tokens are kept at all. */
export function isOff(env: Environment): boolean {
  return env['ECR_CNAME_CACHE'] === 'off'
}

// A login to a sidecar's own clients goes before a token, and only the full program reads it.
function lookup(name: string, env: Environment): Kept | undefined {
  const folder = storeFolder(env)
  if (existsSync(loginFile(folder, name))) return undefined
  const identity = identityOf(name, env)
  if (identity === '') return undefined
  const file = tokenFile(folder, name, identity)
  const entry = readEntry(file, name, identity)
  return entry === undefined ? undefined : { entry, file }
}
