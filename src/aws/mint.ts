/** Mints a token: GetAuthorizationToken, of ECR or of the public gallery. */

import type { ECRClient } from '@aws-sdk/client-ecr'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import type { Agent } from 'agent-base'
import type { Registry } from '../domain/registry.ts'
import { expiryOf, readToken, type Token } from '../domain/token.ts'
import type { Environment } from '../front/places.ts'
import { credentialsOf } from './credentials.ts'
import { explain } from './explain.ts'
import type { Principal } from './principal.ts'

export type MintOptions = {
  readonly env: Environment
  /** Ends the call; the reason is not shown. */
  readonly signal: AbortSignal
}

/** What ECR hands out: the token in its base64 form, and its end. */
type Authorization = {
  readonly authorizationToken?: string | undefined
  readonly expiresAt?: Date | undefined
}

/**
 * A new token for a registry. Throws a UserError that names the cause and the next step.
 * API: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
 */
export async function mint(
  registry: Registry,
  principal: Principal,
  { env, signal }: MintOptions,
): Promise<Token> {
  const requestHandler = await openHandler(env)
  const settings = { region: registry.region, requestHandler, logger: SILENT }
  try {
    const credentials = await credentialsOf(principal, { ...settings, env })
    const endpoints = endpointFlags(registry, env)
    const call = registry.kind === 'public' ? callPublic : callPrivate
    const asked = call(registry, { ...settings, ...endpoints, credentials }, signal)
    const authorization = await Promise.race([asked, rejection(signal)])
    return toToken(authorization)
  } catch (error) {
    throw explain(error, { registry, principal, env })
  } finally {
    requestHandler.destroy()
  }
}

/** What keeps the connections of a few calls, to be destroyed after them. */
export async function openHandler(env: Environment): Promise<NodeHttpHandler> {
  const agent = await agentOf(env)
  return new NodeHttpHandler({
    connectionTimeout: 3000,
    ...(agent ? { httpAgent: agent, httpsAgent: agent } : {}),
  })
}

// What speaks to proxies is loaded only where there may be one.
async function agentOf(env: Environment): Promise<Agent | undefined> {
  if (!Object.keys(env).some((name) => /^https?_proxy$/i.test(name))) return undefined
  const { proxyAgent } = await import('./agents.ts')
  return proxyAgent(env)
}

const quiet = (): void => {}
/** The SDK warns on the console where it is given no logger. */
export const SILENT = { trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet }

type ClientConfig = NonNullable<ConstructorParameters<typeof ECRClient>[0]>

async function callPrivate(
  registry: Registry,
  config: ClientConfig,
  abortSignal: AbortSignal,
): Promise<Authorization> {
  const { ECRClient, GetAuthorizationTokenCommand } = await import('./ecr.ts')
  const registryIds = registry.account ? { registryIds: [registry.account] } : {}
  const command = new GetAuthorizationTokenCommand(registryIds)
  const { authorizationData } = await new ECRClient(config).send(command, { abortSignal })
  return authorizationData?.[0] ?? {}
}

async function callPublic(
  _: Registry,
  config: ClientConfig,
  abortSignal: AbortSignal,
): Promise<Authorization> {
  const { ECRPUBLICClient, GetAuthorizationTokenCommand } = await import('./ecr-public.ts')
  const command = new GetAuthorizationTokenCommand({})
  const { authorizationData } = await new ECRPUBLICClient(config as object).send(command, {
    abortSignal,
  })
  return authorizationData ?? {}
}

/** What a host says of its endpoints; the SDK refuses it beside an endpoint that was given by hand. */
export function endpointFlags(registry: Registry, env: Environment): ClientConfig {
  const own = registry.kind === 'public' ? 'AWS_ENDPOINT_URL_ECR_PUBLIC' : 'AWS_ENDPOINT_URL_ECR'
  if (env[own] || env['AWS_ENDPOINT_URL']) return {}
  return {
    ...(registry.fips ? { useFipsEndpoint: true } : {}),
    ...(registry.dualStack ? { useDualstackEndpoint: true } : {}),
  }
}

function toToken({ authorizationToken, expiresAt }: Authorization): Token {
  const token = readToken(authorizationToken ?? '')
  // Both are told; the earlier one is safe.
  const ends = [expiresAt?.getTime(), expiryOf(token.secret)].filter((end) => end !== undefined)
  return { ...token, expiresAt: ends.length > 0 ? Math.min(...ends) : undefined }
}

/** Rejects when the signal is aborted: not every step of the SDK listens to it. */
export function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const end = (): void => reject(Object.assign(new Error('deadline'), { name: 'AbortError' }))
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true })
  })
}
