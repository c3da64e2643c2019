/** Another credential helper, by name: the same protocol, from the calling side. */

import { spawn } from 'node:child_process'
import type { Environment } from '../front/places.ts'

export type HelperOutcome = { readonly exitCode: number; readonly stdout: string }

/**
 * Runs `docker-credential-<name> <verb>`; its stderr is the user's. `undefined` where there is no
 * such program. A helper that does not end before the signal is killed and counts as failed.
 */
export function runHelper(
  [name, verb]: readonly [name: string, verb: string],
  input: string,
  { env, signal }: { readonly env: Environment; readonly signal: AbortSignal },
): Promise<HelperOutcome | undefined> {
  return new Promise((resolve) => {
    const child = spawn(`docker-credential-${name}`, [verb], {
      env: { ...env },
      signal,
      killSignal: 'SIGKILL',
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    const chunks: Buffer[] = []
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'EACCES') resolve(undefined)
    })
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
    // `exit`, not `close`: a helper's own children may hold its pipes for ever.
    child.on('exit', (code) => {
      setImmediate(() => {
        child.stdout.destroy()
        resolve({ exitCode: code ?? 1, stdout: Buffer.concat(chunks).toString('utf8') })
      })
    })
    child.stdin.on('error', () => {
      // It answered without reading; what it answered counts.
    })
    child.stdin.end(input)
  })
}
