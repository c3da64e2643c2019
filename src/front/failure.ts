/** Why the last mint for a token failed, left for those who waited for it and those who come soon. */

import { readSmall } from './files.ts'

/** A failure as it was noted. */
export type Failure = { readonly at: number; readonly code: string; readonly message: string }

// A renewal that failed is not tried again by every `get` that comes along.
export const RETRY_AFTER = 60_000

/** Where the failure for a token's file is noted. */
export function failureFile(tokenFile: string): string {
  return `${tokenFile}.failed`
}

/** The failure since a time, if there was one. */
export function failureSince(tokenFile: string, since: number): Failure | undefined {
  const text = readSmall(failureFile(tokenFile))
  if (text === '') return undefined
  try {
    const failure = JSON.parse(text) as Failure
    const isWhole =
      typeof failure.at === 'number' &&
      typeof failure.code === 'string' &&
      typeof failure.message === 'string'
    return isWhole && failure.at >= since ? failure : undefined
  } catch {
    return undefined
  }
}
