/** A program that may refuse a push: asked on stdin, answering by its exit code. */

import { spawn } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { kill } from 'node:process'
import { StringDecoder } from 'node:string_decoder'
import { oneLine } from '../domain/errors.ts'
import type { Environment } from '../front/places.ts'

export type Hook = {
  readonly command: readonly string[]
  readonly timeoutMs: number
}

export type HookOutcome = {
  /** Why it refuses; absent where it does not. */
  readonly reason?: string
  /** The beginning of what it wrote to stderr. */
  readonly stderr: string
}

/** What to do about a program that is not there or can't be run. */
export function hookTrouble([program = '']: readonly string[]): string | undefined {
  try {
    if (!statSync(program).isFile()) throw Object.assign(new Error('no file'), { code: 'EISDIR' })
    accessSync(program, constants.X_OK)
    return undefined
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    return `${program}: can't be run (${code}); name a program that this user may run`
  }
}

export type Hooks = {
  /** Asks one; a few run at a time, and the others wait. */
  readonly ask: (hook: Hook, question: string) => Promise<HookOutcome>
  /** Ends those that run, and begins no other. */
  readonly close: () => void
}

/** Hooks that see no more than this of an environment: PATH, HOME and LANG. */
export function createHooks(env: Environment, mostAtOnce = 8): Hooks {
  const running = new Set<number>()
  const waiting: (() => void)[] = []
  let busy = 0
  return {
    async ask(hook, question) {
      if (waiting.length >= MOST_WAITING) return { reason: TOO_MANY, stderr: '' }
      if (busy >= mostAtOnce) await new Promise<void>((resolve) => waiting.push(resolve))
      else busy += 1
      try {
        return await ask(hook, question, { env: environmentOf(env), running })
      } finally {
        const next = waiting.shift()
        if (next) next()
        else busy -= 1
      }
    },
    close() {
      waiting.length = 0
      running.forEach(killGroup)
    },
  }
}

const MOST_WAITING = 256
const TOO_MANY = 'too many pushes are waiting for the hook; try again in a moment'

// No credentials.
function environmentOf({ PATH, HOME, LANG }: Environment): Readonly<Record<string, string>> {
  return {
    PATH: PATH ?? '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    ...(HOME !== undefined && { HOME }),
    ...(LANG !== undefined && { LANG }),
  }
}

type Surroundings = {
  readonly env: Readonly<Record<string, string>>
  /** The process ids of those that run. */
  readonly running: Set<number>
}

function ask(
  { command: [program = '', ...args], timeoutMs }: Hook,
  question: string,
  { env, running }: Surroundings,
): Promise<HookOutcome> {
  return new Promise((resolve) => {
    // In a process group of its own, so that what it has started ends with it.
    const child = spawn(program, args, { env, cwd: '/', detached: true, stdio: 'pipe' })
    const pid = child.pid ?? 0
    if (pid > 0) running.add(pid)
    const stdout = beginningOf(child.stdout)
    const stderr = beginningOf(child.stderr)
    let ending = ''
    const settle = () => {
      clearTimeout(timer)
      running.delete(pid)
      child.stdout.destroy()
      child.stderr.destroy()
      const reason =
        ending === '' ? undefined : firstLine(stdout()) || `the hook ${program} ${ending}`
      resolve({ ...(reason !== undefined && { reason }), stderr: oneLine(stderr()) })
    }
    const timer = setTimeout(() => {
      ending = `did not end within ${timeoutMs / 1000} s`
      killGroup(pid)
      settle()
    }, timeoutMs)
    child.on('error', (error: NodeJS.ErrnoException) => {
      ending = `can't be run (${error.code})`
      settle()
    })
    child.on('exit', (code, signal) => {
      // Once what it wrote has been read, and not when whoever else has its pipes lets go of them.
      if (code === 0) {
        setImmediate(settle)
        return
      }
      ending = signal ? `was ended by ${signal}` : `refused it (exit code ${code})`
      // Whatever else holds its pipes: what it printed itself is to be read to its end.
      killGroup(pid)
    })
    child.on('close', settle)
    // It may answer without reading.
    child.stdin.on('error', () => {})
    child.stdin.end(question)
  })
}

const MOST_KEPT = 4096

// The rest is read, for else the program would wait, and dropped.
function beginningOf(stream: NodeJS.ReadableStream): () => string {
  const decoder = new StringDecoder('utf8')
  let text = ''
  stream.on('data', (chunk: Buffer) => {
    if (text.length < MOST_KEPT) text += decoder.write(chunk.subarray(0, MOST_KEPT))
  })
  return () => text
}

function firstLine(text: string): string {
  return oneLine(text.split('\n').find((line) => line.trim() !== '') ?? '')
}

// Group 0 would be our own.
function killGroup(pid: number): void {
  try {
    if (pid > 0) kill(-pid, 'SIGKILL')
  } catch {
    // It has ended, all of it.
  }
}
