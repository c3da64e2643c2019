/** Whether AWS credentials are to be expected, as far as files and environment tell. */

import { readFileSync, statSync } from 'node:fs'
import { getSSOTokenFromFile } from '@smithy/core/config'
import type { Environment } from '../front/places.ts'
import type { Principal } from './principal.ts'
import { type Profile, type Profiles, readProfiles } from './profiles.ts'

/** Looks at no network and runs no program, so a yes may still turn out a no. */
export async function expectsCredentials(
  { profile }: Principal,
  env: Environment,
  now: number,
): Promise<boolean> {
  const facts = { profiles: await readProfiles(), env, now }
  if (profile) return await gives(profile, facts)
  if (hasKeys(env) && !env['AWS_PROFILE']) return true
  if (await gives(env['AWS_PROFILE'] || 'default', facts)) return true
  if (env['AWS_ROLE_ARN'] && exists(env['AWS_WEB_IDENTITY_TOKEN_FILE'])) return true
  return hasContainer(env) || hasInstance(env)
}

type Facts = { readonly profiles: Profiles; readonly env: Environment; readonly now: number }

async function gives(name: string, facts: Facts, seen: readonly string[] = []): Promise<boolean> {
  const profile = facts.profiles.find(name)
  if (!profile || seen.includes(name)) return false
  if (profile['role_arn'] && profile['source_profile']) {
    const source = profile['source_profile']
    if (source !== name) return await gives(source, facts, [...seen, name])
  }
  if (profile['role_arn'] && profile['credential_source']) {
    return sourceGives(profile['credential_source'], facts.env)
  }
  if (profile['aws_access_key_id'] && profile['aws_secret_access_key']) return true
  if (profile['web_identity_token_file']) return exists(profile['web_identity_token_file'])
  if (profile['credential_process'] || profile['login_session']) return true
  return profile['sso_account_id'] !== undefined && (await hasSession(profile, facts))
}

function sourceGives(source: string, env: Environment): boolean {
  if (source === 'Environment') return hasKeys(env)
  return source === 'EcsContainer' ? hasContainer(env) : hasInstance(env)
}

async function hasSession(profile: Profile, { profiles, now }: Facts): Promise<boolean> {
  const key = profile['sso_session'] ?? profile['sso_start_url'] ?? ''
  try {
    const token = await getSSOTokenFromFile(key)
    if (Date.parse(token.expiresAt) > now) return true
    return profiles.findSession(key) !== undefined && token.refreshToken !== undefined
  } catch {
    return false
  }
}

function hasKeys(env: Environment): boolean {
  return Boolean(env['AWS_ACCESS_KEY_ID'] && env['AWS_SECRET_ACCESS_KEY'])
}

function hasContainer(env: Environment): boolean {
  return Boolean(
    env['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'] || env['AWS_CONTAINER_CREDENTIALS_FULL_URI'],
  )
}

// EC2 says so in the machine's DMI tables.
function hasInstance(env: Environment): boolean {
  const disabled = env['AWS_EC2_METADATA_DISABLED'] ?? ''
  if (disabled !== '' && disabled !== 'false') return false
  if (env['AWS_EC2_METADATA_SERVICE_ENDPOINT']) return true
  try {
    return /^(Amazon|Xen)/.test(readFileSync('/sys/devices/virtual/dmi/id/sys_vendor', 'utf8'))
  } catch {
    return false
  }
}

function exists(path: string | undefined): boolean {
  return Boolean(path) && statSync(path ?? '', { throwIfNoEntry: false }) !== undefined
}
