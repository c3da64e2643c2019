/** A `get` that the store can answer: one identity, one file, no configuration, no network. */

import { existsSync } from 'node:fs'
import { type Entry, fileName, readEntry, stageOf, tokenFile } from './entry.ts'
import { identityOf } from './identity.ts'
import { type Environment, storeFolder } from './places.ts'
import { type Asked, nameOf, parseServerUrl } from '../domain/server-url.ts'

/** The reply on stdout, and whether the token behind it wants renewal. */
export type Answer = { readonly reply: string; readonly aging: boolean }

/** Answers from the store alone; `undefined` for everything that needs more than that. */
export function answerFromStore(
  serverUrl: string,
  env: Environment,
  now: number,
): Answer | undefined {
  const asked = parseServerUrl(serverUrl)
  if (asked === undefined || isOff(env)) return undefined
  const entry = findEntry(asked, env)
  if (entry === undefined) return undefined
  const stage = stageOf(entry, now)
  if (stage !== 'fresh' && stage !== 'aging') return undefined
  return {
    reply: replyOf(serverUrl, { username: entry.username, secret: entry.secret }),
    aging: stage === 'aging',
  }
}

/** Docker's answer to `get`. The server URL is an echo: some clients use it as the address. */
export function replyOf(
  serverUrl: string,
  credential: { readonly username: string; readonly secret: string },
): string {
  const server = JSON.stringify(serverUrl.trim())
  const username = JSON.stringify(credential.username)
  return `{"ServerURL":${server},"Username":${username},"Secret":${JSON.stringify(credential.secret)}}\n`
}

/** The file of a login that is kept until it is erased. */
export function loginFile(folder: string, name: string): string {
  return `${folder}/logins/${fileName(name)}.json`
}

/** Whether tokens are kept at all. */
export function isOff(env: Environment): boolean {
  return env['ECR_CNAME_CACHE'] === 'off'
}

/** The token kept for a host: under its own port, else under the bare host for every port. */
export function findEntry(asked: Asked, env: Environment): Entry | undefined {
  const own = lookup(nameOf(asked), env)
  if (own !== undefined || asked.port === '') return own
  const shared = lookup(asked.host, env)
  return shared?.anyPort ? shared : undefined
}

// A login to a sidecar's own clients goes before a token, and only the full program reads it.
function lookup(name: string, env: Environment): Entry | undefined {
  const folder = storeFolder(env)
  if (existsSync(loginFile(folder, name))) return undefined
  const identity = identityOf(name, env)
  return identity === '' ? undefined : readEntry(tokenFile(folder, name, identity), name, identity)
}
