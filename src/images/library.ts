/** `pull` and `push` as programs call them: references as text, everything else by default. */

import { UserError } from '../domain/errors.ts'
import { parseReference, type Reference } from '../domain/reference.ts'
import { parseRegistry } from '../domain/registry.ts'
import type { Asked } from '../domain/server-url.ts'
import { openCache } from './cache.ts'
import { type Client, type ClientOptions, openClient } from './client.ts'
import type { Credentials } from './login.ts'
import { type Platform, parsePlatform } from './platform.ts'
import type { ProgressEvent } from './progress.ts'
import { type Format, type Pulled, pullImage } from './pull.ts'
import { type Pushed, pushImage } from './push.ts'
import type { Pace } from './retry.ts'

/** What both are told. */
export type Common = {
  /** The image, such as `docker.company.com/team/app:1.0`. */
  readonly reference: string
  /**
   * Asked for a login, and again with the secret that was refused. With it, the configuration and
   * the store are left alone.
   */
  readonly credentials?: Credentials
  /** With `credentials`: the ECR host behind the name; that of the reference unless given. */
  readonly registry?: string
  /** With `credentials`: where sockets go instead. */
  readonly connect?: { readonly host: string; readonly port?: number }
  /** `os/arch` or `os/arch/variant`. */
  readonly platform?: string
  readonly onProgress?: (event: ProgressEvent) => void
  readonly signal?: AbortSignal
  /** With `credentials`: the way through a proxy. */
  readonly agent?: ClientOptions['agent']
}

export type PullRequest = Common & {
  /** The file, or for `oci` the folder. */
  readonly output: string
  /** `docker` unless given. */
  readonly format?: Format
  readonly allPlatforms?: boolean
  /** A folder that keeps layers for the next pull. */
  readonly cache?: string
  /** The most that it keeps, in bytes. */
  readonly cacheLimit?: number
}

export type PushRequest = Common & {
  /** What `docker save` and the like wrote. */
  readonly input: string
  /** Which image of several, by its name in the archive. */
  readonly tag?: string
  /** Repositories of the same registry that may have some of the layers. */
  readonly mountFrom?: readonly string[]
}

/** What both need of the world. */
export type Around = {
  readonly pace: Pace
  /** The way to a host and its login, where the caller gives none. */
  readonly findWay: (
    asked: Asked,
    signal: AbortSignal,
  ) => Promise<Pick<ClientOptions, 'site' | 'credentials' | 'agent'>>
}

/** Pulls an image into a file or folder. Throws a UserError that says what failed. */
export async function pull(request: PullRequest, around: Around): Promise<Pulled> {
  const { output: path, format = 'docker', cache: folder, cacheLimit: limit = 10e9 } = request
  const platform = request.allPlatforms ? ('all' as const) : platformOf(request)
  return await withClient(request, around, (client, reference) =>
    pullImage({
      client,
      reference,
      path,
      format,
      ...(platform && { platform }),
      ...(folder !== undefined && { cache: openCache({ folder, limit, now: around.pace.now }) }),
      ...(request.onProgress && { report: request.onProgress }),
    }),
  )
}

/** Pushes an image out of a file or folder. Throws a UserError that says what failed. */
export async function push(request: PushRequest, around: Around): Promise<Pushed> {
  const { input: path, tag, mountFrom } = request
  const platform = platformOf(request)
  return await withClient(request, around, (client, reference) =>
    pushImage({
      client,
      reference,
      path,
      ...(tag !== undefined && { tag }),
      ...(mountFrom && { mountFrom }),
      ...(platform && { platform }),
      ...(request.onProgress && { report: request.onProgress }),
    }),
  )
}

async function withClient<T>(
  request: Common,
  { pace, findWay }: Around,
  act: (client: Client, reference: Reference) => Promise<T>,
): Promise<T> {
  const { reference: text, credentials, onProgress } = request
  const signal = request.signal ?? new AbortController().signal
  const reference = parseReference(text)
  const way = credentials
    ? { ...ownWay(request, reference), credentials }
    : await findWay(reference.asked, signal)
  const client = openClient({
    ...way,
    pace,
    signal,
    ...(onProgress && {
      onRetry: (reason, waitMs) => onProgress({ kind: 'retry', reason, waitMs }),
    }),
  })
  try {
    return await act(client, reference)
  } finally {
    client.close()
  }
}

function ownWay({ registry, connect, agent }: Common, { asked }: Reference) {
  const { host, port } = asked
  const found = parseRegistry(registry ?? host)
  if (!found) throw new UserError('CONFIG', `${registry ?? host}: it is no ECR registry's host`)
  return {
    site: {
      name: port === '' ? { host } : { host, port: Number(port) },
      registry: found.host,
      ...(connect && { connect }),
    },
    ...(agent && { agent }),
  }
}

function platformOf({ platform }: Common): Platform | undefined {
  return platform === undefined ? undefined : parsePlatform(platform)
}
