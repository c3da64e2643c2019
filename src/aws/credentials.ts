/** AWS credentials for a registry: the SDK's chain or one profile, and a role on top. */

import type { Credentials, STSClientConfig } from '@aws-sdk/client-sts'
import type { PodRole } from '../domain/kubelet.ts'
import type { Environment } from '../front/places.ts'
import type { Principal } from './principal.ts'
import { namesSource, readProfiles } from './profiles.ts'

type Provider = Extract<NonNullable<STSClientConfig['credentials']>, (...args: never[]) => unknown>

/** What every client of one mint shares: one handler keeps the connections. */
export type ClientSettings = Pick<STSClientConfig, 'requestHandler' | 'logger'> & {
  /** That of STS; needed for a role. */
  readonly region?: string
  readonly env: Environment
}

/** The provider for a principal; asked only when a client signs. */
export async function credentialsOf(
  principal: Principal,
  settings: ClientSettings,
): Promise<Provider> {
  const { roleArn, podRole } = principal
  if (podRole) return await forPod(podRole, settings)
  const base = await sourceOf(principal, settings)
  if (!roleArn) return base
  const { AssumeRoleCommand, STSClient } = await import('./sts.ts')
  return async () => {
    const { env: _, ...config } = settings
    const sts = new STSClient({ ...config, credentials: base })
    const { Credentials: found } = await sts.send(
      new AssumeRoleCommand({
        RoleArn: roleArn,
        RoleSessionName: principal.roleSessionName ?? 'ecr-cname',
        ...(principal.externalId ? { ExternalId: principal.externalId } : {}),
      }),
    )
    return toCredentials(found)
  }
}

// The call is not signed, so no other credentials come into it.
async function forPod({ roleArn, token }: PodRole, settings: ClientSettings): Promise<Provider> {
  const { AssumeRoleWithWebIdentityCommand, STSClient } = await import('./sts.ts')
  return async () => {
    const { env: _, ...config } = settings
    const { Credentials: found } = await new STSClient(config).send(
      new AssumeRoleWithWebIdentityCommand({
        RoleArn: roleArn,
        RoleSessionName: 'ecr-cname',
        WebIdentityToken: token,
      }),
    )
    return toCredentials(found)
  }
}

function toCredentials(found: Credentials | undefined) {
  return {
    accessKeyId: found?.AccessKeyId ?? '',
    secretAccessKey: found?.SecretAccessKey ?? '',
    sessionToken: found?.SessionToken ?? '',
    ...(found?.Expiration ? { expiration: found.Expiration } : {}),
  }
}

// The SDK's chain goes on when a profile fails, to whatever else there is: another identity than
// the one that was asked for. A profile that says where its credentials come from is held to it.
async function sourceOf(principal: Principal, settings: ClientSettings): Promise<Provider> {
  const { region: _, env, ...clientConfig } = settings
  const options = { clientConfig, ...(settings.logger ? { logger: settings.logger } : {}) }
  const profile = principal.profile ?? (await heldProfile(env))
  if (profile) {
    const { fromIni } = await import('@aws-sdk/credential-provider-ini')
    return fromIni({ ...options, profile })
  }
  const { defaultProvider } = await import('@aws-sdk/credential-provider-node')
  return defaultProvider(options)
}

/** The profile that credentials have to come from, by AWS_PROFILE or as the default one. */
export async function heldProfile(env: Environment): Promise<string | undefined> {
  const named = env['AWS_PROFILE'] || ''
  if (named === '' && env['AWS_ACCESS_KEY_ID']) return undefined
  const name = named || 'default'
  const profile = (await readProfiles()).find(name)
  const isHeld = profile ? namesSource(profile) : name !== 'default'
  return isHeld ? name : undefined
}
