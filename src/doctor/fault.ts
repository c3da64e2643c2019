/** What a failure of ours says: what it is, and after the last semicolon what to do. */

import { UserError } from '../domain/errors.ts'

/** Splits the one line of a UserError; what is no UserError is a bug and thrown on. */
export function toFault(error: unknown): { readonly what: string; readonly fix: string } {
  if (!(error instanceof UserError)) throw error
  const [what = '', ...rest] = error.message.split('; ')
  return { what, fix: rest.join('; ') || 'try again' }
}

/** The name of what lies below a failure, such as an error class of the SDK. */
export function causeOf(error: unknown): string {
  return ((error as Error | undefined)?.cause as Error | undefined)?.name ?? ''
}
