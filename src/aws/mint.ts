/** Mints a token: GetAuthorizationToken, of ECR or of the public gallery. */

import type { ECRClient } from '@aws-sdk/client-ecr'
import type { Registry } from '../domain/registry.ts'
import { expiryOf, readToken, type Token } from '../domain/token.ts'
import type { Environment } from '../front/places.ts'
import { credentialsOf } from './credentials.ts'
import { explain } from './explain.ts'
import { handlerFor, rejection } from './handler.ts'
import type { Principal } from './principal.ts'
import { mintRetries } from './retry.ts'

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
  options: MintOptions,
): Promise<Token> {
  return await withConfig(registry, principal, options, async (config) => {
    const call = registry.kind === 'public' ? callPublic : callPrivate
    const retryStrategy = mintRetries(options.env)
    return toToken(await call(registry, { ...config, retryStrategy }, options.signal))
  })
}

/**
 * Acts with what a client of a registry's API is made of, until the signal ends it. Throws the
 * UserError for whatever that throws.
 */
export async function withConfig<T>(
  registry: Registry,
  principal: Principal,
  { env, signal }: MintOptions,
  act: (config: ClientConfig) => Promise<T>,
): Promise<T> {
  const handler = await handlerFor(env)
  const settings = { region: registry.region, ...handler }
  try {
    const credentials = await credentialsOf(principal, { ...settings, env })
    const config = { ...settings, ...endpointFlags(registry, env), credentials }
    return await Promise.race([act(config), rejection(signal)])
  } catch (error) {
    throw explain(error, { registry, principal, env })
  } finally {
    handler.requestHandler.destroy()
  }
}

/** What clients of the API are made of. */
export type ClientConfig = NonNullable<ConstructorParameters<typeof ECRClient>[0]>

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

/** The SDK refuses FIPS and dual-stack beside an endpoint that was given by hand. */
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
