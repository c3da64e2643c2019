/** What went wrong for a person: one line that says what failed, on what, and what to do. */

/** The closed set of causes; a caller tells them apart by code, a person by the text. */
export type UserErrorCode =
  | 'USAGE'
  | 'CONFIG'
  | 'NO_CREDENTIALS'
  | 'ACCESS_DENIED'
  | 'AWS_REFUSED'
  | 'UNREACHABLE'
  | 'TIMEOUT'
  | 'DNS'
  | 'FALLBACK'
  | 'STORE'
  | 'SERVE'
  | 'ENGINE'
  | 'FILE'
  | 'REGISTRY'
  | 'IMAGE'
  | 'STOPPED'

/** A failure that a person can mend. The message never holds a secret and is always one line. */
export class UserError extends Error {
  readonly code: UserErrorCode

  constructor(code: UserErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(oneLine(message), options)
    this.name = 'UserError'
    this.code = code
  }
}

/** Folds a text from elsewhere into one printable line of at most 400 characters. */
export function oneLine(text: string): string {
  const flat = text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim()
  return flat.length > 400 ? `${flat.slice(0, 399)}…` : flat
}
