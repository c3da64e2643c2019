/** Turns what the SDK throws into one line for a person: the cause and the next step. */

import { oneLine, UserError, type UserErrorCode } from '../domain/errors.ts'
import type { Registry } from '../domain/registry.ts'
import type { Environment } from '../front/places.ts'
import type { Principal } from './principal.ts'

export type MintContext = {
  readonly registry: Pick<Registry, 'host' | 'kind' | 'region'>
  /** What was asked; ECR unless said. */
  readonly api?: 'ECR' | 'STS'
  readonly principal: Principal
  readonly env: Environment
  /** What was called, where that is not GetAuthorizationToken. */
  readonly action?: string
}

/** The UserError for anything that a mint threw. A failure that nobody knows stays itself. */
export function explain(thrown: unknown, context: MintContext): UserError {
  if (thrown instanceof UserError) return thrown
  const failure = toFailure(thrown)
  const [code, text] = (RULES.find(([pattern]) => pattern.test(failure.name)) ?? OTHER)[1](
    failure,
    context,
  )
  return new UserError(code, `${context.registry.host}: ${text}`, { cause: thrown })
}

type Failure = {
  /** The error's name and, of a failed connection, its code. */
  readonly name: string
  readonly message: string
  readonly where: string
  readonly status: number | undefined
}
type Line = readonly [UserErrorCode, string]
type Rule = readonly [RegExp, (failure: Failure, context: MintContext) => Line]

const OTHER: Rule = [
  /./,
  ({ name, message, status }) => [
    'AWS_REFUSED',
    `AWS answered ${[status, name, scrub(message)].filter(Boolean).join(' ')}`,
  ],
]

// First match wins. Names: the SDK's error classes and, after them, node:net's and OpenSSL's codes.
const RULES: readonly Rule[] = [
  [/CredentialsProviderError|TokenProviderError|^ProviderError/, noCredentials],
  [/AccessDenied|UnauthorizedOperation/, accessDenied],
  [
    /UnrecognizedClient|InvalidClientTokenId|InvalidAccessKeyId/,
    (_, context) => [
      'AWS_REFUSED',
      `AWS does not know the access key; check ${sourceOf(context)} for a key that was deleted or belongs to another partition`,
    ],
  ],
  [
    /InvalidSignature|SignatureDoesNotMatch|RequestExpired|RequestTimeTooSkewed/,
    (_, context) => [
      'AWS_REFUSED',
      `AWS refused the request's signature; check the secret key of ${sourceOf(context)} and this machine's clock`,
    ],
  ],
  [
    /InvalidIdentityToken|IDPRejectedClaim|InvalidAuthorizationMessage/,
    ({ name }) => [
      'ACCESS_DENIED',
      `AWS does not take the token of the service account (${name}); check the cluster's OIDC provider and the audience, sts.amazonaws.com`,
    ],
  ],
  [
    /ExpiredToken/,
    (_, context) => [
      'AWS_REFUSED',
      `the AWS session has expired; renew it in ${sourceOf(context)}${loginHint(context)}`,
    ],
  ],
  [
    /UnauthorizedException|InvalidGrant/,
    (_, context) => ['NO_CREDENTIALS', `the SSO session is over; run: ${ssoLogin(context)}`],
  ],
  [
    /Throttling|TooManyRequests|RequestLimitExceeded/,
    (_, { action }) => [
      'AWS_REFUSED',
      `AWS throttles ${action ?? 'GetAuthorizationToken'}; try again in a minute`,
    ],
  ],
  // Before the time-outs: the SDK calls a connection that was reset a TimeoutError too.
  [
    /ENOTFOUND|ECONNREFUSED|ECONNRESET|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EPIPE/,
    ({ name, where }, context) => [
      'UNREACHABLE',
      `can't reach ${where || endpoint(context)} (${lastOf(name)}); check the network, HTTPS_PROXY or the VPC endpoint`,
    ],
  ],
  [
    /AbortError|TimeoutError|ETIMEDOUT/,
    (_, context) => [
      'TIMEOUT',
      `no answer from ${endpoint(context)} in time; check the network, HTTPS_PROXY or the VPC endpoint`,
    ],
  ],
  [
    /CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS/,
    ({ name, where }, context) => [
      'UNREACHABLE',
      `${where || endpoint(context)} has a certificate that is not trusted (${lastOf(name)}); name your CA's file in NODE_EXTRA_CA_CERTS`,
    ],
  ],
]

function noCredentials({ message }: Failure, context: MintContext): Line {
  const profile = profileOf(context)
  if (/sso|token.*expired|refresh/i.test(message)) {
    return [
      'NO_CREDENTIALS',
      `the SSO session of profile ${profile} is over; run: ${ssoLogin(context)}`,
    ]
  }
  // The message quotes the command and what it printed.
  if (/^Command failed|credential_process/.test(message)) {
    return [
      'NO_CREDENTIALS',
      `credential_process of profile ${profile} failed; run it by hand to see why`,
    ]
  }
  if (/multi-factor/.test(message)) {
    return [
      'NO_CREDENTIALS',
      `profile ${profile} asks for an MFA code, which a helper can't; use a session, by aws sso login or sts`,
    ]
  }
  if (/using profile|could not be found|credential_source|cycle/.test(message)) {
    return [
      'NO_CREDENTIALS',
      `profile ${profile} gives no credentials; see it with: aws configure list --profile ${profile}`,
    ]
  }
  return [
    'NO_CREDENTIALS',
    'no AWS credentials in the environment, in profile ' +
      `${profile}, from a container or from instance metadata; set AWS_PROFILE, or run aws configure or aws sso login`,
  ]
}

function accessDenied({ message }: Failure, context: MintContext): Line {
  const { registry, principal, env, action: called = 'GetAuthorizationToken' } = context
  const fallback = `${registry.kind === 'public' ? 'ecr-public' : 'ecr'}:${called}`
  const action = /perform:? ([a-z-]+:[A-Za-z]+)/.exec(message)?.[1] ?? fallback
  const who =
    /User: (arn:\S+)/.exec(message)?.[1] ??
    (principal.podRole ? 'the service account' : 'the AWS identity')
  if (action.startsWith('sts:AssumeRole')) {
    const role =
      principal.podRole?.roleArn ?? principal.roleArn ?? (env['AWS_ROLE_ARN'] || 'the role')
    return [
      'ACCESS_DENIED',
      `${who} may not assume ${role}; allow ${action} and check the role's trust policy and externalId`,
    ]
  }
  return [
    'ACCESS_DENIED',
    `${who} may not call ${action}; allow ${action} on resource * in its IAM policy`,
  ]
}

function toFailure(thrown: unknown): Failure {
  const error = thrown as {
    readonly name?: string
    readonly code?: string
    readonly Code?: string
    readonly message?: string
    readonly hostname?: string
    readonly address?: string
    readonly port?: number
    readonly errors?: readonly unknown[]
    readonly $metadata?: { readonly httpStatusCode?: number }
  }
  if (error.errors?.[0]) return toFailure(error.errors[0])
  const names = [error.name, error.Code, error.code].filter((name) => typeof name === 'string')
  const address = error.address ? `${error.address}:${error.port}` : ''
  return {
    name: names.join(' '),
    message: oneLine(error.message ?? ''),
    where: error.hostname ?? address,
    status: error.$metadata?.httpStatusCode,
  }
}

function profileOf({ principal, env }: MintContext): string {
  return principal.profile ?? (env['AWS_PROFILE'] || 'default')
}

function sourceOf({ principal, env }: MintContext): string {
  if (principal.podRole) return 'the service account that kubelet told of'
  if (!principal.profile && !env['AWS_PROFILE'] && env['AWS_ACCESS_KEY_ID'])
    return 'AWS_ACCESS_KEY_ID'
  return `profile ${profileOf({ principal, env } as MintContext)}`
}

function ssoLogin(context: MintContext): string {
  return `aws sso login --profile ${profileOf(context)}`
}

function loginHint(context: MintContext): string {
  return sourceOf(context).startsWith('profile') ? `, for SSO by: ${ssoLogin(context)}` : ''
}

function endpoint({ registry, api = 'ECR', env }: MintContext): string {
  const own = registry.kind === 'public' ? 'AWS_ENDPOINT_URL_ECR_PUBLIC' : `AWS_ENDPOINT_URL_${api}`
  const url = env[own] || env['AWS_ENDPOINT_URL'] || ''
  return URL.canParse(url) ? new URL(url).host : `the ${api} API in ${registry.region}`
}

function lastOf(name: string): string {
  return name.split(' ').at(-1) ?? name
}

// Texts that AWS answers hold no secret of ours, but a long run of base64 is never for a person.
function scrub(text: string): string {
  return text.replaceAll(/[\w+/=-]{40,}/g, '…')
}
