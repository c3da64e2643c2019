/** Logins that stand in an engine's file, where they get in the way of ours. */

import type { DockerConfig } from '../domain/docker-config.ts'
import { readServerUrl } from '../domain/names.ts'
import { nameOf } from '../domain/server-url.ts'
import { expiryOf } from '../domain/token.ts'
import { rewriteFile } from '../io/files.ts'
import { editJson } from '../io/json-edit.ts'
import { readJsonFile } from '../io/json-file.ts'
import { type InlineLogin, loginsOf } from '../setup/docker.ts'

/** The login of a host in a configuration, under whichever form of it. */
export function loginFor(host: string, config: DockerConfig): InlineLogin | undefined {
  return loginsFor(host, config)[0]
}

function loginsFor(host: string, config: DockerConfig): readonly InlineLogin[] {
  return loginsOf(config).filter(({ serverUrl }) => {
    const asked = readServerUrl(serverUrl)
    return asked !== undefined && nameOf(asked) === host
  })
}

/** What is known of the life of a login: a token of ECR ends within 12 hours. */
export function lifeOf({ username, secret }: InlineLogin, now: number): string {
  if (username !== 'AWS') return `of ${username}`
  const end = expiryOf(secret)
  if (end === undefined) return 'a token of ECR, good for 12 hours at most'
  const time = new Date(end).toISOString().slice(0, 16).replace('T', ' ')
  return end < now
    ? `a token of ECR that ended at ${time} UTC`
    : `a token of ECR that ends at ${time} UTC`
}

/** Takes the logins of a host out of a file, and leaves all else as it is. */
export function removeLogins(file: string, host: string): void {
  const own = readJsonFile(file)
  if (!own) return
  const edits = loginsFor(host, own.value as DockerConfig).map(({ serverUrl }) => ({
    path: ['auths', serverUrl],
    value: undefined,
  }))
  rewriteFile(file, editJson(own.text, edits))
}
