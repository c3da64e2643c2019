/** Environments for programs that shall find their AWS credentials in one way and in no other. */

import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Emulation } from './emulation.ts'

export const CREDENTIAL_KINDS = [
  'keys',
  'session',
  'container',
  'imds',
  'web-identity',
  'sso',
  'none',
] as const

/** Where a program's credentials come from. */
export type CredentialKind = (typeof CREDENTIAL_KINDS)[number]

export type Urls = {
  readonly apiUrl: string
  readonly metadataUrl: string
  readonly containerUrl: string
  readonly caFile: string
}

type Environment = Record<string, string>

const START_URL = 'https://emulated.awsapps.com/start'

/** All that a child needs, and nothing of this process but PATH; files go into the folder. */
export function toEnvironment(
  emulation: Emulation,
  urls: Urls,
  folder: string,
  kind: CredentialKind,
): Environment {
  const home = join(folder, 'homes', kind)
  mkdirSync(home, { recursive: true })
  const file = (name: string, content: string) => {
    writeFileSync(join(home, name), content, { mode: 0o600 })
    return join(home, name)
  }
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    NODE_EXTRA_CA_CERTS: urls.caFile,
    AWS_REGION: emulation.region,
    AWS_DEFAULT_REGION: emulation.region,
    AWS_CONFIG_FILE: file('config', ''),
    AWS_SHARED_CREDENTIALS_FILE: file('credentials', ''),
    AWS_ENDPOINT_URL: urls.apiUrl,
    AWS_ENDPOINT_URL_ECR: urls.apiUrl,
    AWS_ENDPOINT_URL_ECR_PUBLIC: urls.apiUrl,
    AWS_ENDPOINT_URL_CLOUDWATCH: urls.apiUrl,
    AWS_ENDPOINT_URL_STS: urls.apiUrl,
    AWS_ENDPOINT_URL_SSO: urls.apiUrl,
    ...(kind !== 'imds' && { AWS_EC2_METADATA_DISABLED: 'true' }),
    ...SOURCES[kind](emulation, urls, file),
  }
}

type Source = (
  emulation: Emulation,
  urls: Urls,
  file: (name: string, content: string) => string,
) => Environment

const SOURCES: Readonly<Record<CredentialKind, Source>> = {
  none: () => ({}),
  keys({ settings }) {
    const [[id, { secret }] = ['', { secret: '' }]] = Object.entries(settings.keys)
    return { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret }
  },
  session({ identities, account }) {
    const role = `arn:aws:iam::${account}:role/build`
    const { accessKeyId, secret, session } = identities.openSession(role, 'session')
    return {
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secret,
      AWS_SESSION_TOKEN: session.token,
    }
  },
  container: ({ settings }, { containerUrl }) => ({
    AWS_CONTAINER_CREDENTIALS_FULL_URI: containerUrl,
    AWS_CONTAINER_AUTHORIZATION_TOKEN: settings.containerToken,
  }),
  // The AWS CLI puts its paths behind this as it is, so it has to end in a slash.
  imds: (_emulation, { metadataUrl }) => ({
    AWS_EC2_METADATA_SERVICE_ENDPOINT: `${metadataUrl}/`,
  }),
  'web-identity': ({ settings, account }, _urls, file) => ({
    AWS_ROLE_ARN: `arn:aws:iam::${account}:role/workload`,
    AWS_ROLE_SESSION_NAME: 'workload',
    AWS_WEB_IDENTITY_TOKEN_FILE: file('web-identity-token', settings.webIdentityToken),
  }),
  sso({ settings, account, region }, _urls, file) {
    const profile = {
      sso_start_url: START_URL,
      sso_region: region,
      sso_account_id: account,
      sso_role_name: 'sso',
      region,
    }
    const lines = Object.entries(profile).map(([name, value]) => `${name} = ${value}`)
    const config = file('config', ['[profile sso]', ...lines, ''].join('\n'))
    // Where `aws sso login` would have put it: under the hash of the start URL.
    mkdirSync(join(config, '../.aws/sso/cache'), { recursive: true })
    const login = { accessToken: settings.ssoToken, expiresAt: '2099-01-01T00:00:00Z', region }
    const name = createHash('sha1').update(START_URL).digest('hex')
    file(`.aws/sso/cache/${name}.json`, JSON.stringify({ startUrl: START_URL, ...login }))
    return { AWS_PROFILE: 'sso' }
  },
}
