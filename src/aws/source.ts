/** Whose AWS credentials a principal has, as far as files and environment tell; never a secret. */

import type { Environment } from '../front/places.ts'
import { heldProfile } from './credentials.ts'
import type { Principal } from './principal.ts'
import { readProfiles } from './profiles.ts'

/** The first place that the SDK would find credentials in, and the role on top. */
export async function sourceOf(principal: Principal, env: Environment): Promise<string> {
  const base = await baseOf(principal, env)
  return principal.roleArn ? `${base}, as role ${principal.roleArn}` : base
}

/** The region that the environment or the principal's profile names. */
export async function regionOf(
  { profile }: Principal,
  env: Environment,
): Promise<string | undefined> {
  const named = env['AWS_REGION'] || env['AWS_DEFAULT_REGION']
  if (named && !profile) return named
  const profiles = await readProfiles()
  return profiles.find(profile ?? (env['AWS_PROFILE'] || 'default'))?.['region'] ?? named
}

async function baseOf({ profile }: Principal, env: Environment): Promise<string> {
  if (profile) return `profile ${profile}`
  const held = await heldProfile(env)
  if (held && env['AWS_PROFILE']) return `profile ${held} (AWS_PROFILE)`
  if (env['AWS_ACCESS_KEY_ID'] && env['AWS_SECRET_ACCESS_KEY'] && !env['AWS_PROFILE']) {
    return `key ${env['AWS_ACCESS_KEY_ID']} (AWS_ACCESS_KEY_ID)`
  }
  if (held) return `profile ${held}`
  if (env['AWS_WEB_IDENTITY_TOKEN_FILE'] && env['AWS_ROLE_ARN']) {
    return `web identity of ${env['AWS_ROLE_ARN']} (AWS_WEB_IDENTITY_TOKEN_FILE)`
  }
  const container = CONTAINER.find((variable) => env[variable])
  if (container) return `the container's role (${container})`
  if (env['AWS_EC2_METADATA_DISABLED'] === 'true') return 'none'
  return "the instance's role, if there is one"
}

const CONTAINER = ['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI', 'AWS_CONTAINER_CREDENTIALS_FULL_URI']
