/** Starts the built programs as Docker would: a verb, stdin, and an environment of their own. */

import { spawn } from 'node:child_process'
import { join, resolve } from 'node:path'
import { FULL_AS_HELPER } from './isolate.ts'

export type Outcome = {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export type Running = {
  readonly pid: number
  readonly outcome: Promise<Outcome>
  readonly kill: (signal: NodeJS.Signals) => void
}

export type ProgramOptions = {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly input?: string | Buffer
  readonly cwd?: string
}

/** The full binary that `npm run build` made. */
export const ECR_CNAME = resolve('dist/ecr-cname')
/** The small helper, native where the machine has a linker; or another build of it. */
export const FRONT = resolve(process.env['FRONT_UNDER_TEST'] ?? 'dist/docker-credential-ecr-cname')

/** What may stand for the helper: all of them are to do the same. */
const HELPERS: Readonly<Record<string, readonly [string, ...string[]]>> = {
  front: [FRONT],
  full: [join(process.env['HOME'] ?? '', FULL_AS_HELPER)],
  sources: [process.execPath, resolve('src/main.ts'), 'credential-helper'],
}
const underTest = process.env['HELPER_UNDER_TEST'] ?? 'front'

/** The helper under test, to be followed by a verb. */
export const HELPER = HELPERS[underTest] ?? [FRONT]

/** How many are started where many are to come at once; the sources are slow to start. */
export const AT_ONCE = underTest === 'sources' ? 12 : 100

/** Starts a program with nothing of this process's environment but PATH. */
export function start(
  command: readonly [string, ...string[]],
  { env, input = '', cwd }: ProgramOptions,
): Running {
  const [program, ...args] = command
  const child = spawn(program, args, { env: { PATH: process.env['PATH'], ...env }, cwd })
  const texts = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => (texts[name] += text))
  }
  // A program may end without reading.
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const outcome = new Promise<Outcome>((done, fail) => {
    child.on('error', fail)
    child.on('close', (exitCode, signal) => done({ exitCode, signal, ...texts }))
  })
  return { pid: child.pid ?? 0, outcome, kill: (signal) => child.kill(signal) }
}

/** Runs a program to its end. */
export async function runProgram(
  command: readonly [string, ...string[]],
  options: ProgramOptions,
): Promise<Outcome> {
  return await start(command, options).outcome
}
