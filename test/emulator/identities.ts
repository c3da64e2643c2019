/** Who may do what: access keys, roles, and the sessions that were handed out for roles. */

import { randomBytes } from 'node:crypto'

import type { Policy, Settings } from './settings.ts'

/** Who is behind a request. */
export type Principal = {
  readonly arn: string
  /** The part before the colon of a user id; looks like AWS's, says nothing. */
  readonly id: string
  readonly account: string
}

/** What a key is worth: its secret, whom it stands for, and for a session its token and end. */
export type Credentials = {
  readonly accessKeyId: string
  readonly secret: string
  readonly principal: Principal
  readonly session?: { readonly token: string; readonly expiresAt: Date }
}

export type Session = Credentials & { readonly session: NonNullable<Credentials['session']> }

export type Identities = {
  readonly find: (accessKeyId: string) => Credentials | undefined
  /** New credentials for a role that is known to exist. */
  readonly openSession: (roleArn: string, name: string, seconds?: number) => Session
  /** Whether the principal's own policy allows an action such as `ecr:PutImage`. */
  readonly allows: (arn: string, action: string) => boolean
}

export function createIdentities(settings: Settings, now: () => Date): Identities {
  const sessions = new Map<string, Session>()
  const policyOf = (arn: string) =>
    settings.roles[toRoleArn(arn)] ?? Object.values(settings.keys).find((key) => key.arn === arn)
  return {
    find(accessKeyId) {
      const key = settings.keys[accessKeyId]
      if (!key) return sessions.get(accessKeyId)
      return { accessKeyId, secret: key.secret, principal: toPrincipal(key.arn, 'AIDA') }
    },
    openSession(roleArn, name, seconds = settings.sessionSeconds) {
      const session = newSession(roleArn, name, new Date(now().getTime() + seconds * 1000))
      sessions.set(session.accessKeyId, session)
      return session
    },
    allows(arn, action) {
      const policy = policyOf(arn)
      return policy !== undefined && isAllowed(policy, action)
    },
  }
}

/** The ARN of a session, back to that of its role. */
export function toRoleArn(arn: string): string {
  const [, partition, account, role] =
    /^arn:([\w-]+):sts::(\d{12}):assumed-role\/([^/]+)\//.exec(arn) ?? []
  return role ? `arn:${partition}:iam::${account}:role/${role}` : arn
}

const isAllowed = ({ allow = ['*'], deny = [] }: Policy, action: string) =>
  allow.some((pattern) => covers(pattern, action)) &&
  !deny.some((pattern) => covers(pattern, action))

const covers = (pattern: string, action: string) =>
  pattern.endsWith('*') ? action.startsWith(pattern.slice(0, -1)) : action === pattern

const newSession = (roleArn: string, name: string, expiresAt: Date): Session => {
  const [, partition = 'aws', , , account = '', path = ''] = roleArn.split(':')
  const arn = `arn:${partition}:sts::${account}:assumed-role/${path.split('/').at(-1)}/${name}`
  return {
    accessKeyId: `ASIA${letters(16)}`,
    secret: randomBytes(30).toString('base64'),
    principal: toPrincipal(arn, 'AROA'),
    session: { token: randomBytes(480).toString('base64'), expiresAt },
  }
}

const toPrincipal = (arn: string, prefix: string): Principal => {
  const [, , , , account = ''] = arn.split(':')
  const name = arn.split('/').at(-1) ?? ''
  const id = `${prefix}EXAMPLE${Buffer.from(arn).toString('hex').slice(-10).toUpperCase()}`
  return { arn, id: prefix === 'AROA' ? `${id}:${name}` : id, account }
}

const letters = (length: number) =>
  Array.from(randomBytes(length), (byte) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[byte % 32]).join('')
