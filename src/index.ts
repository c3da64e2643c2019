/** The library: what stands behind a name, the credentials for it, and images in and out. */

import * as library from './images/library.ts'
import type { Pulled } from './images/pull.ts'
import type { Pushed } from './images/push.ts'

export { parseRegistry, type Registry } from './domain/registry.ts'
export { UserError, type UserErrorCode } from './domain/errors.ts'
export type { PullRequest, PushRequest } from './images/library.ts'
export type { Credential, Credentials } from './images/login.ts'
export type { Outcome, ProgressEvent } from './images/progress.ts'
export type { Format, Pulled } from './images/pull.ts'
export type { Pushed } from './images/push.ts'

/**
 * Pulls an image into a file or folder, each blob held against its digest. Throws a UserError that
 * says what failed, of code STOPPED once the signal is aborted.
 */
export async function pull(request: library.PullRequest): Promise<Pulled> {
  return await library.pull(request, PACE)
}

/** Pushes an image out of a file or folder. Throws as `pull` does. */
export async function push(request: library.PushRequest): Promise<Pushed> {
  return await library.push(request, PACE)
}

const PACE = {
  now: () => Date.now(),
  random: () => Math.random(),
  after: (ms: number, act: () => void) => {
    const timer = setTimeout(act, ms)
    return () => clearTimeout(timer)
  },
}
