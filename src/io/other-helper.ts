/** Another credential helper, by name: the same protocol, from the calling side. */

import type { Environment } from '../front/places.ts'
import { type Ended, runProgram } from './programs.ts'

/**
 * Runs `docker-credential-<name> <verb>` with all of the environment, for it may be one of AWS too;
 * its stderr is the user's. `undefined` where there is no such program.
 */
export function runHelper(
  [name, verb]: readonly [name: string, verb: string],
  input: string,
  options: { readonly env: Environment; readonly signal: AbortSignal },
): Promise<Ended | undefined> {
  const program = `docker-credential-${name}`
  return runProgram(program, [verb], { ...options, input, showsStderr: true })
}
