/** `pull` and `push` as programs call them: references as text, everything else by default. */

import { UserError } from '../domain/errors.ts'
import { parseReference, type Reference } from '../domain/reference.ts'
import { parseRegistry } from '../domain/registry.ts'
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
  /** The ECR host behind the name; that of the reference unless given. */
  readonly registry?: string
  /** Where sockets go instead. */
  readonly connect?: { readonly host: string; readonly port?: number }
  /** Asked for a login, and again with the secret that was refused. */
  readonly credentials: Credentials
  /** `os/arch` or `os/arch/variant`. */
  readonly platform?: string
  readonly onProgress?: (event: ProgressEvent) => void
  readonly signal?: AbortSignal
  /** The way through a proxy. */
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

/** Pulls an image into a file or folder. Throws a UserError that says what failed. */
export async function pull(request: PullRequest, pace: Pace): Promise<Pulled> {
  const { output: path, format = 'docker', cache: folder, cacheLimit: limit = 10e9 } = request
  const platform = request.allPlatforms ? ('all' as const) : platformOf(request)
  return await withClient(request, pace, (client, reference) =>
    pullImage({
      client,
      reference,
      path,
      format,
      ...(platform && { platform }),
      ...(folder !== undefined && { cache: openCache({ folder, limit, now: pace.now }) }),
      ...(request.onProgress && { report: request.onProgress }),
    }),
  )
}

/** Pushes an image out of a file or folder. Throws a UserError that says what failed. */
export async function push(request: PushRequest, pace: Pace): Promise<Pushed> {
  const { input: path, tag, mountFrom } = request
  const platform = platformOf(request)
  return await withClient(request, pace, (client, reference) =>
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
  { reference: text, registry, connect, credentials, signal, agent, onProgress }: Common,
  pace: Pace,
  act: (client: Client, reference: Reference) => Promise<T>,
): Promise<T> {
  const reference = parseReference(text)
  const { host, port } = reference.asked
  const found = parseRegistry(registry ?? host)
  if (!found) throw new UserError('CONFIG', `${registry ?? host}: it is no ECR registry's host`)
  const client = openClient({
    site: {
      name: port === '' ? { host } : { host, port: Number(port) },
      registry: found.host,
      ...(connect && { connect }),
    },
    credentials,
    pace,
    signal: signal ?? new AbortController().signal,
    ...(agent && { agent }),
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

function platformOf({ platform }: Common): Platform | undefined {
  return platform === undefined ? undefined : parsePlatform(platform)
}
