/** Starts the built programs as Docker would: a verb, stdin, and an environment of their own. */

import { spawn } from 'node:child_process'
import { resolve } from 'node:path'

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

/** The helper and the full binary that `npm run build` made. */
export const HELPER = resolve('dist/docker-credential-ecr-cname')
export const ECR_CNAME = resolve('dist/ecr-cname')

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
