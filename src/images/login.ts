/** The login at a registry: Basic with a token that is renewed when it ends, Bearer at the gallery. */

import { toBasic } from '../domain/basic.ts'
import { UserError } from '../domain/errors.ts'
import type { Refusal } from './refusal.ts'
import { type Incoming, readWhole } from './taker.ts'

/** A password, or a token that ends. */
export type Credential = {
  readonly username: string
  readonly secret: string
  /** Milliseconds since 1970. */
  readonly expiresAt?: number
}

/** What a registry is asked with. `refused` is a secret that it no longer takes. */
export type Credentials = (refused?: string) => Promise<Credential | undefined>

export type Login = {
  /** The value of Authorization, if there is any. */
  readonly header: () => Promise<string | undefined>
  /** Whether there is another login now, after a refusal of the one that was sent. */
  readonly isRenewed: (
    sent: string | undefined,
    answer: Incoming,
    refusal: Refusal,
  ) => Promise<boolean>
}

export type LoginOptions = {
  readonly credentials: Credentials
  readonly now: () => number
  /** Whether someone on the way may log in for us, so that a lack of credentials is no end yet. */
  readonly isOptional: boolean
  /** A GET of a URL of the same host, for Bearer tokens. */
  readonly get: (url: URL, authorization: string | undefined) => Promise<Incoming>
}

// Of an answer with a token.
const LIMIT = 1024 * 1024

// A token that ends while a request is under way is refused, and costs another.
const MARGIN_MS = 30_000

/** A login that is got once and kept. */
export function createLogin({ credentials, now, isOptional, get }: LoginOptions): Login {
  let held: Promise<Credential | undefined> | undefined
  let endsAt = Infinity
  let bearer: string | undefined
  let lack: UserError | undefined

  const obtain = async (refused?: string) => {
    try {
      const credential = await credentials(refused)
      endsAt = credential?.expiresAt ?? Infinity
      return credential
    } catch (error) {
      if (!(error instanceof UserError) || !isOptional) throw error
      lack = error
      return undefined
    }
  }
  const basic = async () => {
    if (held === undefined || endsAt - MARGIN_MS < now()) {
      endsAt = Infinity
      held = obtain()
      held.catch(() => (held = undefined))
    }
    const credential = await held
    return credential && authorizationOf(credential)
  }

  return {
    header: async () => bearer ?? (await basic()),
    async isRenewed(sent, answer, refusal) {
      const challenge = answer.headers['www-authenticate'] ?? ''
      if (answer.status === 401 && /^bearer /i.test(challenge)) {
        if (sent !== undefined && sent !== bearer && bearer !== undefined) return true
        bearer = await askForBearer(challenge, await basic(), get)
        return bearer !== sent
      }
      if (!refusal.isOfLogin) return false
      if (lack) throw lack
      const credential = await held
      if (!credential) return false
      if (authorizationOf(credential) !== sent) return true
      const renewing = obtain(credential.secret)
      held = renewing
      const renewed = await renewing
      return renewed !== undefined && renewed.secret !== credential.secret
    },
  }
}

function authorizationOf(credential: Credential): string {
  return `Basic ${toBasic(credential)}`
}

// https://distribution.github.io/distribution/spec/auth/token/
async function askForBearer(
  challenge: string,
  authorization: string | undefined,
  get: LoginOptions['get'],
): Promise<string> {
  const fields = new Map(
    [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]),
  )
  const url = URL.parse(fields.get('realm') ?? '')
  if (!url) throw noBearer('it names no realm')
  for (const name of ['service', 'scope']) {
    const value = fields.get(name)
    if (value !== undefined) url.searchParams.set(name, value)
  }
  const answer = await get(url, authorization)
  const body = (await readWhole(answer, LIMIT, url.host)).toString('utf8')
  if (answer.status !== 200) throw noBearer(`${url.host} answered ${answer.status}`)
  const found = tokenIn(body)
  if (found === undefined) throw noBearer(`${url.host} answered without one`)
  return `Bearer ${found}`
}

function tokenIn(body: string): string | undefined {
  try {
    const { token, access_token: other } = JSON.parse(body) as Partial<Record<string, unknown>>
    const found = token ?? other
    return typeof found === 'string' ? found : undefined
  } catch {
    return undefined
  }
}

function noBearer(reason: string): UserError {
  return new UserError('REGISTRY', `the registry asks for a Bearer token and gives none: ${reason}`)
}
