/** Other programs: where they are, and a run of one to its end. */

import { spawn } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { platform } from 'node:os'
import { delimiter, join } from 'node:path'
import type { Environment } from '../front/places.ts'

/** How a program ended; the exit code of one that was killed is 1. */
export type Ended = { readonly exitCode: number; readonly stdout: string; readonly stderr: string }

export type RunOptions = {
  readonly env: Environment
  /** All of its stdin. */
  readonly input?: string
  /** Whether its stderr is the user's, and not read. */
  readonly showsStderr?: boolean
  /** A program that does not end before this is killed, and counts as failed. */
  readonly signal?: AbortSignal
}

// What the AWS SDK reads secrets from.
const SECRETS = [
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_SECURITY_TOKEN',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN',
  'AWS_BEARER_TOKEN_BEDROCK',
]

/** The environment for a program that has no business with AWS. */
export function withoutSecrets(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !SECRETS.includes(name)))
}

/** The path of a program, as a shell would find it; no shell is asked. */
export function findProgram(name: string, env: Environment): string | undefined {
  const names = platform() === 'win32' ? [`${name}.exe`, `${name}.cmd`] : [name]
  const folders = (env['PATH'] ?? env['Path'] ?? '').split(delimiter).filter(Boolean)
  return folders.flatMap((folder) => names.map((one) => join(folder, one))).find(isProgram)
}

/** Runs a program to its end. `undefined` where there is none of that name or path. */
export function runProgram(
  program: string,
  args: readonly string[],
  { env, input = '', showsStderr = false, signal }: RunOptions,
): Promise<Ended | undefined> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      env: { ...env },
      signal,
      killSignal: 'SIGKILL',
      stdio: ['pipe', 'pipe', showsStderr ? 'inherit' : 'pipe'],
    })
    const chunks: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] }
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'EACCES') resolve(undefined)
    })
    child.stdout?.on('data', (chunk: Buffer) => chunks.stdout.push(chunk))
    child.stderr?.on('data', (chunk: Buffer) => chunks.stderr.push(chunk))
    // `exit`, not `close`: a program's own children may hold its pipes for ever.
    child.on('exit', (code) => {
      setImmediate(() => {
        child.stdout?.destroy()
        child.stderr?.destroy()
        const [stdout, stderr] = [textOf(chunks.stdout), textOf(chunks.stderr)]
        resolve({ exitCode: code ?? 1, stdout, stderr })
      })
    })
    child.stdin?.on('error', () => {
      // It ended without reading; how it ended counts.
    })
    child.stdin?.end(input)
  })
}

function textOf(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString('utf8')
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
