/** Somebody at a shell: the packed program, run as they would, or a command with a world of theirs. */

import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished, vi } from 'vitest'
import type { World } from '../../src/commands/command.ts'
import { run } from '../../src/commands/run.ts'
import { ECR_CNAME, type Outcome, runProgram } from '../support/program.ts'
import type { User } from '../support/user.ts'

/** Runs `ecr-cname <args>`, packed. */
export async function ecrCname(
  user: Pick<User, 'env'>,
  args: readonly string[],
  input = '',
): Promise<Outcome> {
  return await runProgram([ECR_CNAME, ...args], { env: user.env, input })
}

/** The same, which has to succeed; what it printed. */
export async function succeed(
  user: Pick<User, 'env'>,
  ...args: readonly string[]
): Promise<string> {
  const { exitCode, stdout, stderr } = await ecrCname(user, args)
  if (exitCode !== 0) throw new Error(`${args.join(' ')} ended with ${exitCode}: ${stderr}`)
  return stdout
}

/** Runs it in this process, whose environment the SDK reads, with what a test states of the world. */
export async function runHere(
  user: Pick<User, 'env'>,
  args: readonly string[],
  world: Partial<World>,
) {
  Object.entries(user.env).forEach(([name, value]) => vi.stubEnv(name, value))
  onTestFinished(() => void vi.unstubAllEnvs())
  const texts = { stdout: '', stderr: '' }
  const exitCode = await run(args, {
    env: user.env,
    readInput: () => Buffer.of(),
    stdout: (text) => (texts.stdout += text),
    stdoutBytes: () => {},
    stderr: (text) => (texts.stderr += text),
    stdoutIsTerminal: false,
    stderrColumns: undefined,
    ask: async () => undefined,
    now: () => Date.now(),
    random: () => 0.5,
    after: () => () => {},
    onHangup: () => {},
    self: [ECR_CNAME],
    stop: new AbortController().signal,
    ...world,
  })
  return { exitCode, ...texts }
}

/** Puts programs on the user's PATH, where nothing else is but what scripts need. */
export function install(user: User, programs: Readonly<Record<string, string>>): void {
  const folder = join(user.home, 'bin')
  mkdirSync(folder, { recursive: true })
  for (const tool of ['basename', 'cat', 'env', 'mkdir']) {
    if (!existsSync(join(folder, tool))) symlinkSync(`/usr/bin/${tool}`, join(folder, tool))
  }
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  }
  user.env['PATH'] = folder
}

export function read(user: User, file: string): string {
  return readFileSync(join(user.home, file), 'utf8')
}

export function readJson(user: User, file: string): unknown {
  return JSON.parse(read(user, file))
}

export function has(user: User, file: string): boolean {
  return existsSync(join(user.home, file))
}

/** Username and password of an `auths` entry. */
export function loginIn(auth: string): readonly string[] {
  const [username = '', ...password] = atob(auth).split(':')
  return [username, password.join(':')]
}
