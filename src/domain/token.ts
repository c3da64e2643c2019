/** ECR's tokens: what is inside, and until when they hold. */

/** A token that ECR handed out. The secret is Docker's password. */
export type Token = {
  readonly username: string
  readonly secret: string
  /** Milliseconds since 1970; `undefined` where neither ECR nor the token says. */
  readonly expiresAt: number | undefined
}

/** Splits an authorizationToken: base64 of `AWS:<password>`. Throws where it is none. */
export function readToken(authorizationToken: string): Pick<Token, 'username' | 'secret'> {
  const text = decode(authorizationToken)
  const [, username, secret] = /^([!-9;-~]+):([!-~]+)$/.exec(text) ?? []
  if (!username || !secret) throw new TypeError('ECR answered without a token')
  return { username, secret }
}

/** The expiry that a password carries itself: base64 of JSON with an `expiration` in seconds. */
export function expiryOf(secret: string): number | undefined {
  try {
    const { expiration } = JSON.parse(decode(secret)) as { readonly expiration?: unknown }
    return typeof expiration === 'number' ? expiration * 1000 : undefined
  } catch {
    return undefined
  }
}

function decode(base64: string): string {
  try {
    return atob(base64)
  } catch {
    return ''
  }
}
