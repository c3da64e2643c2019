/** The logins of a Docker configuration: every mapped name and the ECR host behind it. */

import { UserError } from '../../domain/errors.ts'
import { type Auths, toAuth } from '../../domain/docker-config.ts'
import { nameOf } from '../../domain/server-url.ts'
import { loadConfig } from '../../io/config.ts'
import type { Held } from '../../tokens/keeper.ts'
import type { Environment } from '../command.ts'
import {
  grantToken,
  keptLogin,
  nameTarget,
  type Named,
  type Terms,
  type TokenWorld,
} from '../tokens.ts'

/** What was made for the hosts: logins, the tokens in them, and what failed. */
export type Made = {
  readonly auths: Auths
  readonly tokens: readonly Held[]
  readonly failures: readonly UserError[]
}

/**
 * Fresh logins for hosts, each under its name and its registry's. Throws a UserError of code USAGE
 * where one of them is no host.
 */
export async function makeAuths(
  hosts: readonly string[],
  world: TokenWorld,
  terms: Terms,
): Promise<Made> {
  const results = await Promise.allSettled(
    hosts.map(async (host) => await makeAuth(await nameTarget(host, world.env), world, terms)),
  )
  const failures = results.flatMap((result) => {
    if (result.status === 'fulfilled') return []
    const reason: unknown = result.reason
    if (reason instanceof UserError && reason.code !== 'USAGE') return [reason]
    throw reason
  })
  const made = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
  return {
    // What a name says of itself wins over what it is as the registry of another.
    auths: Object.assign({}, ...made.map(({ behind }) => behind), ...made.map(({ own }) => own)),
    tokens: made.map(({ token }) => token),
    failures: [...new Map(failures.map((failure) => [failure.message, failure])).values()],
  }
}

/** The hosts that the configuration maps; a wildcard names none. */
export function mappedHosts(env: Environment): readonly string[] {
  return [...loadConfig(env).mappings.keys()].filter((name) => !name.startsWith('*.'))
}

async function makeAuth({ asked, target }: Named, world: TokenWorld, terms: Terms) {
  const fresh = { ...terms, fresh: true }
  const token = await grantToken(target, world, fresh)
  return {
    own: { [nameOf(asked)]: toAuth(keptLogin(target, world, terms) ?? token) },
    behind: { [target.mapping.registry.host]: toAuth(token) },
    token,
  }
}
