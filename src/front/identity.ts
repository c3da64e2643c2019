/**
 * On whose behalf a token was minted, told without AWS, network or credentials: all that decides
 * which AWS principal a mint would run as, and which registry it would be for.
 */

import { readFileSync, statSync } from 'node:fs'
import { fingerprint } from './fingerprint.ts'
import { awsFiles, configFiles, type Environment } from './places.ts'

/** Every variable that decides whose credentials the AWS SDK finds, and from which endpoints. */
export const IDENTITY_VARIABLES = [
  'AWS_ACCESS_KEY_ID',
  'AWS_PROFILE',
  'AWS_ROLE_ARN',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE',
  'AWS_EC2_METADATA_DISABLED',
  'AWS_EC2_METADATA_SERVICE_ENDPOINT',
  'AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE',
  'AWS_ENDPOINT_URL',
  'AWS_ENDPOINT_URL_ECR',
  'AWS_ENDPOINT_URL_ECR_PUBLIC',
  'AWS_ENDPOINT_URL_STS',
  'AWS_ENDPOINT_URL_SSO',
  'AWS_ENDPOINT_URL_SSO_OIDC',
  'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS',
  'ECR_CNAME_MAP',
] as const

// On EC2 the instance's id, readable by anyone: two instances that share a home have two roles.
const INSTANCE = '/sys/devices/virtual/dmi/id/board_asset_tag'

/**
 * The identity under which a token for `name` is kept, in printable ASCII, compared whole; or ""
 * where it can't be told because no home says where AWS' files are.
 */
export function identityOf(name: string, env: Environment): string {
  const aws = awsFiles(env)
  if (aws.length === 0) return ''
  const files = [
    ...configFiles(env),
    ...aws,
    env['AWS_WEB_IDENTITY_TOKEN_FILE'] ?? '',
    env['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'] ?? '',
  ]
  const facts = [
    name,
    ...IDENTITY_VARIABLES.map((variable) => env[variable] ?? ''),
    ...files.map((file) => `${file} ${stamp(file)}`),
    // A secret by itself, and not one that belongs here.
    fingerprint(env['AWS_CONTAINER_AUTHORIZATION_TOKEN'] ?? ''),
    env['AWS_EC2_METADATA_DISABLED'] === 'true' ? '' : instance(),
  ]
  return facts.map((fact) => encodeURIComponent(fact)).join(',')
}

/** Another text after every edit: that changes the times, the size or, by rename, the inode. */
export function stamp(file: string): string {
  if (file === '') return ''
  try {
    const facts = statSync(file)
    return `${facts.dev} ${facts.ino} ${facts.size} ${facts.mtimeMs} ${facts.ctimeMs}`
  } catch {
    return ''
  }
}

function instance(): string {
  try {
    const tag = readFileSync(INSTANCE).toString('utf8').trim()
    return tag.startsWith('i-') ? tag : ''
  } catch {
    return ''
  }
}
