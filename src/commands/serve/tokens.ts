/** The sidecar's own tokens: minted and kept by the rules of the helper. */

import { isDeepStrictEqual } from 'node:util'
import type { Config } from '../../domain/config.ts'
import type { Mapping } from '../../domain/mapping.ts'
import { identityOf } from '../../front/identity.ts'
import { loadConfig } from '../../io/config.ts'
import { CAME_EXPIRED } from '../../tokens/due.ts'
import { dropToken, holdToken, renewToken, type Tools, type Wanted } from '../../tokens/keeper.ts'
import { createSupply, type Supply } from '../../tokens/supply.ts'
import type { Environment, World } from '../command.ts'
import type { Log } from '../log.ts'
import { servesAnyPort } from '../registries.ts'

export type SupplyWorld = Pick<World, 'env' | 'now' | 'random' | 'after'> & {
  /** Told of each token that AWS did not hand out. */
  readonly unminted: (registry: string) => void
}

const MINT_MS = 10_000

/** A supply of tokens for the registry of a mapping. */
export function supplyFor(
  mapping: Mapping,
  refreshAfter: number,
  { env, now, random, after, unminted }: SupplyWorld,
  log: Log,
): Supply {
  const registry = mapping.registry.host
  const wanted = () => toWanted(mapping, refreshAfter, env)
  const tools = (store: Environment): Tools => {
    const signal = AbortSignal.timeout(MINT_MS)
    return {
      env: store,
      now,
      signal,
      mint: async () => {
        log('debug', 'minting', { registry, profile: mapping.profile, roleArn: mapping.roleArn })
        const { mint } = await import('../../aws/mint.ts')
        return await mint(mapping.registry, mapping, { env, signal })
      },
      // The supply does it itself.
      renewLater: async () => {},
      unkept: (error) => log('warn', 'a token was not kept', { registry, error: messageOf(error) }),
    }
  }
  return createSupply({
    hold: async () => {
      const { store, ...rest } = wanted()
      return await holdToken(rest, tools(store))
    },
    renew: async () => {
      const { store, ...rest } = wanted()
      return await renewToken(rest, tools(store))
    },
    drop: (secret) => {
      log('warn', 'the registry refused a token, which is dropped', { registry })
      const { store, ...rest } = wanted()
      dropToken(rest, secret, store)
    },
    failed(error, retryMs) {
      unminted(registry)
      const retry = Math.round(retryMs)
      log('error', 'no new token', { registry, error: messageOf(error), retryMs: retry })
    },
    doubted: () => log('warn', CAME_EXPIRED, { registry }),
    now,
    random,
    after,
  })
}

// What is kept under a name and an identity is what the helper would answer for it. So a token that
// the configuration of this moment would not lead to, or that of a wildcard, has an identity of its
// own, which only sidecars with the same mapping have.
function toWanted(
  mapping: Mapping,
  refreshAfter: number,
  env: Environment,
): Wanted & { readonly store: Environment } {
  const { name, registry } = mapping
  // Taken before the configuration is read, so that an edit in between can't mix two.
  const own = identityOf(name, env)
  const config = readConfig(env)
  const isShared = !name.startsWith('*.') && isDeepStrictEqual(config?.mappings.get(name), mapping)
  const identity = isShared ? own : `${own},${encodeURIComponent(JSON.stringify(mapping))}`
  // With an identity that can't be told, the token of one could be taken for that of another.
  const store = isShared || own !== '' ? env : { ...env, ECR_CNAME_CACHE: 'off' }
  const anyPort = config !== undefined && servesAnyPort(config, name.replace(/:\d+$/, ''))
  return { name, identity, registry, anyPort, refreshAfter, store }
}

// One that is broken by now is told of by whoever needs it.
function readConfig(env: Environment): Config | undefined {
  try {
    return loadConfig(env)
  } catch {
    return undefined
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
