/** The library: what stands behind a name, the credentials for it, and images in and out. */

import { makeAuths, mappedHosts } from './commands/logins/auths.ts'
import { grant, nameTarget, type TokenWorld } from './commands/tokens.ts'
import type { Registry } from './domain/registry.ts'
import { nameOf } from './domain/server-url.ts'
import type { Around, PullRequest, PushRequest } from './images/library.ts'
import type { Pulled } from './images/pull.ts'
import type { Pushed } from './images/push.ts'

export { parseRegistry, type Registry } from './domain/registry.ts'
export { UserError, type UserErrorCode } from './domain/errors.ts'

/** The registry behind a name, and how to reach it. */
export type Resolution = {
  /** `host`, or `host:port`, as it was asked for. */
  readonly host: string
  readonly registry: Registry
  /** Where sockets go instead of the registry's own address. */
  readonly connect?: { readonly host: string; readonly port?: number }
  /** The AWS profile and the role that mint for it, where the configuration names them. */
  readonly profile?: string
  readonly roleArn?: string
}

/** Username and password for a registry. */
export type Credentials = {
  readonly username: string
  readonly password: string
  /** `undefined` for a login that is kept until it is erased. */
  readonly expiresAt: Date | undefined
  readonly registry: Registry
}

/** Docker's config.json with logins alone. */
export type DockerConfig = {
  readonly auths: Readonly<Record<string, { readonly auth: string }>>
}

/**
 * Finds the registry of a host by configuration, by its own name, or in the DNS of a trusted zone.
 * Throws a UserError of code CONFIG where it has none.
 */
export async function resolve(host: string): Promise<Resolution> {
  const { asked, target } = await nameTarget(host, process.env)
  const { registry, connect, profile, roleArn } = target.mapping
  return {
    host: nameOf(asked),
    registry,
    ...(connect ? { connect } : {}),
    ...(profile ? { profile } : {}),
    ...(roleArn ? { roleArn } : {}),
  }
}

/**
 * Username and password for a host, out of the store that the helper uses, or newly minted.
 * Throws a UserError that says why there is none.
 */
export async function credentials(host: string): Promise<Credentials> {
  const { target } = await nameTarget(host, process.env)
  const granted = await grant(target, world(), {})
  const { username, secret: password, expiresAt } = granted
  return {
    username,
    password,
    expiresAt: expiresAt === undefined ? undefined : new Date(expiresAt),
    registry: target.mapping.registry,
  }
}

/**
 * A Docker configuration with fresh logins for hosts, each under its name and its registry's; for
 * all that the configuration maps where none are named. Throws the first UserError of a host.
 */
export async function dockercfg(hosts?: readonly string[]): Promise<DockerConfig> {
  const { auths, failures } = await makeAuths(hosts ?? mappedHosts(process.env), world(), {})
  const [failure] = failures
  if (failure) throw failure
  return { auths }
}

function world(): TokenWorld {
  return {
    env: process.env,
    now: () => Date.now(),
    stderr: (text) => process.stderr.write(text),
  }
}

export type { PullRequest, PushRequest }
export type { Credential, Credentials as CredentialSource } from './images/login.ts'
export type { Outcome, ProgressEvent } from './images/progress.ts'
export type { Format, Pulled } from './images/pull.ts'
export type { Pushed } from './images/push.ts'

/**
 * Pulls an image into a file or folder, by configuration and store unless told otherwise, each blob
 * held against its digest. Throws a UserError that
 * says what failed, of code STOPPED once the signal is aborted.
 */
export async function pull(request: PullRequest): Promise<Pulled> {
  const library = await import('./images/library.ts')
  return await library.pull(request, AROUND)
}

/** Pushes an image out of a file or folder. Throws as `pull` does. */
export async function push(request: PushRequest): Promise<Pushed> {
  const library = await import('./images/library.ts')
  return await library.push(request, AROUND)
}

const AROUND: Around = {
  async findWay(asked, signal) {
    const { findWay } = await import('./commands/images/access.ts')
    return (await findWay(asked, world(), signal)).way
  },
  pace: {
    now: () => Date.now(),
    random: () => Math.random(),
    after: (ms, act) => {
      const timer = setTimeout(act, ms)
      return () => clearTimeout(timer)
    },
  },
}
