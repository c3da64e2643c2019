/** A registry by the name that was asked for: the way to it, and the login that `get` would answer. */

import { type Asked, nameOf } from '../../domain/server-url.ts'
import { type Client, type ClientOptions, openClient } from '../../images/client.ts'
import type { Site } from '../../images/doors.ts'
import type { Credential, Credentials } from '../../images/login.ts'
import { unlessStopped } from '../../images/retry.ts'
import { dropToken } from '../../tokens/keeper.ts'
import type { World } from '../command.ts'
import { credentialFor } from '../credential.ts'
import type { Target } from '../registries.ts'
import { nameTarget, type TokenWorld } from '../tokens.ts'
import type { ProgressDisplay } from './progress.ts'

export type AccessOptions = {
  readonly signal: AbortSignal
  readonly onRetry?: (reason: string, waitMs: number) => void
}

export type Access = { readonly client: Client; readonly target: Target }

const MINT_MS = 10_000

/** What of a client is told by the host alone. */
export type Way = Pick<ClientOptions, 'site' | 'credentials' | 'agent'>

/** The way to the registry behind a host. A UserError where nothing tells which that is. */
export async function findWay(
  asked: Asked,
  world: TokenWorld,
  signal: AbortSignal,
): Promise<{ readonly way: Way; readonly target: Target }> {
  const { target } = await unlessStopped(nameTarget(nameOf(asked), world.env), signal)
  const agent = await agentOf(world)
  const way = {
    site: siteOf(asked, target),
    credentials: credentialsOf(target, world, signal),
    ...(agent && { agent }),
  }
  return { way, target }
}

/** A client of the registry behind a host. */
export async function openAccess(
  asked: Asked,
  world: World,
  { signal, onRetry }: AccessOptions,
): Promise<Access> {
  const { way, target } = await findWay(asked, world, signal)
  const client = openClient({ ...way, pace: world, signal, ...(onRetry && { onRetry }) })
  return { client, target }
}

/** Acts with a client whose retries are shown, and closes both at the end. */
export async function withAccess<T>(
  asked: Asked,
  world: World,
  progress: ProgressDisplay,
  act: (access: Access) => Promise<T>,
): Promise<T> {
  const onRetry = (reason: string, waitMs: number) =>
    progress.report({ kind: 'retry', reason, waitMs })
  const access = await openAccess(asked, world, { signal: world.stop, onRetry })
  try {
    return await act(access)
  } finally {
    progress.end()
    access.client.close()
  }
}

function siteOf({ host, port }: Asked, { mapping }: Target): Site {
  const { registry, connect, prefix } = mapping
  return {
    name: port === '' ? { host } : { host, port: Number(port) },
    registry: registry.host,
    ...(connect && { connect }),
    ...(prefix !== undefined && { prefix }),
  }
}

// One that the registry refuses, though it should still live, is dropped and minted anew.
function credentialsOf(target: Target, world: TokenWorld, signal: AbortSignal): Credentials {
  return async (refused) => {
    if (refused !== undefined) dropToken(target.wanted, refused, world.env)
    const found: Credential | undefined = await credentialFor(
      target,
      world,
      AbortSignal.any([signal, AbortSignal.timeout(MINT_MS)]),
    )
    return found
  }
}

// What speaks to proxies is loaded only where there may be one.
async function agentOf({ env }: TokenWorld): Promise<ClientOptions['agent']> {
  if (!Object.keys(env).some((name) => /^https?_proxy$/i.test(name))) return undefined
  const { proxyAgent } = await import('../../aws/agents.ts')
  return proxyAgent(env)
}
