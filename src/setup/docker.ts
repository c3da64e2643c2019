/**
 * docker, and what follows its configuration: nerdctl, oras, buildx. Whole (`credsStore`), our
 * helper answers for all registries, and leaves others to the helper that was there; or for some
 * hosts alone (`credHelpers`).
 */

import { UserError } from '../domain/errors.ts'
import { helpersOf, type DockerConfig } from '../domain/docker-config.ts'
import { editJson, type JsonEdit } from '../io/json-edit.ts'
import { readJsonFile } from '../io/json-file.ts'
import type { Change, Plan } from './plan.ts'

export type DockerSetup = {
  /** docker's config.json. */
  readonly file: string
  /** Our own configuration, for the fallback. */
  readonly ownFile: string
  /** The hosts that are to be ours; none for all. */
  readonly hosts: readonly string[]
}

const OURS = 'ecr-cname'
/** Amazon's own helper, in whose place we come. */
const AMAZONS = 'ecr-login'

/** What has to change so that docker asks our helper. */
export function planDocker({ file, ownFile, hosts }: DockerSetup): Plan {
  const own = readJsonFile(file)
  if (own && (typeof own.value !== 'object' || own.value === null || Array.isArray(own.value))) {
    throw new UserError('FILE', `${file}: expected an object, as docker does; mend it first`)
  }
  const config = (own?.value ?? {}) as DockerConfig
  const before = own?.text ?? '{}\n'
  const edits = hosts.length > 0 ? forHosts(hosts) : forAll(config)
  const after = editJson(before, edits)
  const displaced = hosts.length > 0 ? undefined : displacedBy(config)
  const changes: Change[] = [
    ...(after === before && own ? [] : [{ path: file, content: Buffer.from(after), mode: 0o600 }]),
    ...(displaced === undefined ? [] : [fallbackTo(displaced, ownFile)]),
  ]
  return { changes, notes: [...notesFor(config, { hosts, displaced, file })], commands: [] }
}

function forHosts(hosts: readonly string[]): readonly JsonEdit[] {
  return hosts.map((host) => ({ path: ['credHelpers', host], value: OURS }))
}

// A host of credHelpers goes before credsStore; those of Amazon's helper are ours now.
function forAll(config: DockerConfig): readonly JsonEdit[] {
  const theirs = Object.entries(helpersOf(config)).filter(([, helper]) => helper === AMAZONS)
  return [
    { path: ['credsStore'], value: OURS },
    ...theirs.map(([host]) => ({ path: ['credHelpers', host], value: OURS })),
  ]
}

function displacedBy({ credsStore }: DockerConfig): string | undefined {
  const isOther = typeof credsStore === 'string' && ![OURS, AMAZONS, ''].includes(credsStore)
  return isOther ? credsStore : undefined
}

function fallbackTo(helper: string, path: string): Change {
  const text = readJsonFile(path)?.text ?? '{}\n'
  return {
    path,
    content: Buffer.from(editJson(text, [{ path: ['fallback'], value: helper }])),
    mode: 0o600,
  }
}

type Told = {
  readonly hosts: readonly string[]
  readonly displaced: string | undefined
  readonly file: string
}

function* notesFor(config: DockerConfig, { hosts, displaced, file }: Told): Iterable<string> {
  if (displaced !== undefined) {
    yield `docker-credential-${displaced} becomes the fallback: logins to other registries stay there`
  }
  const others = Object.entries(helpersOf(config)).filter(([, helper]) => helper !== OURS)
  for (const [host, helper] of others) {
    if (helper === AMAZONS || hosts.includes(host)) continue
    yield `${host} stays with docker-credential-${String(helper)}, as credHelpers says`
  }
  const stale = loginsOf(config).filter(({ serverUrl }) => hosts.includes(hostOf(serverUrl)))
  for (const { serverUrl } of stale) {
    yield `${file} holds a login for ${serverUrl}, of no use from now on; remove it by: docker logout ${serverUrl}`
  }
}

/** A login that stands in docker's configuration itself. */
export type InlineLogin = {
  readonly serverUrl: string
  readonly username: string
  readonly secret: string
}

/** The logins that docker no longer reads once a helper answers for all, to be kept elsewhere. */
export function loginsOf({ auths }: DockerConfig): readonly InlineLogin[] {
  if (typeof auths !== 'object' || auths === null) return []
  return Object.entries(auths as Readonly<Record<string, unknown>>).flatMap(
    ([serverUrl, entry]) => {
      const { auth, identitytoken } = (entry ?? {}) as {
        readonly auth?: unknown
        readonly identitytoken?: unknown
      }
      // As docker itself hands an identity token to a helper.
      if (typeof identitytoken === 'string' && identitytoken !== '') {
        return [{ serverUrl, username: '<token>', secret: identitytoken }]
      }
      const text = typeof auth === 'string' ? Buffer.from(auth, 'base64').toString('utf8') : ''
      const colon = text.indexOf(':')
      if (colon < 1) return []
      return [
        {
          serverUrl,
          username: text.slice(0, colon),
          secret: text.slice(colon + 1).replace(/\0+$/, ''),
        },
      ]
    },
  )
}

function hostOf(serverUrl: string): string {
  return serverUrl.replace(/^https?:\/\//, '').replace(/\/.*$/, '')
}
