/**
 * Measures programs from start to end, by a small C program that is compiled first: Node itself
 * takes about a millisecond to start a child, which is more than some of them run for.
 */

import { execFile, execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'

export type Command = readonly [string, ...string[]]

/** What a run took: milliseconds from start to end, and of CPU; MiB of memory at the peak. */
export type Taken = {
  readonly wall: number
  readonly cpu: number
  readonly peak: number
  /** How many of those started at once exited with 0. */
  readonly succeeded: number
  /** What they printed, in bytes. */
  readonly bytes: number
}

export type Run = {
  readonly command: Command
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>
  /** How often, one after the other; once unless given. */
  readonly times?: number
  /** How many at a time; one unless given. */
  readonly atOnce?: number
}

export type Stopwatch = (run: Run) => Promise<readonly Taken[]>

/** A stopwatch for programs that read `input` on stdin; its own files go to a folder. */
export function makeStopwatch(folder: string, input: string): Stopwatch {
  const program = compile('stopwatch', folder)
  const inputFile = join(folder, 'input')
  writeFileSync(inputFile, input)
  return async ({ command, env, times = 1, atOnce = 1 }) => {
    const args = [inputFile, String(times), String(atOnce), ...command]
    const { stdout, stderr } = await promisify(execFile)(program, args, { env })
    process.stderr.write(stderr)
    const lines = stdout.trim().split('\n')
    return lines.map((line) => {
      const [wall = 0, cpu = 0, peak = 0, succeeded = 0, bytes = 0] = line.split(' ').map(Number)
      return { wall: wall / 1000, cpu: cpu / 1000, peak: peak / 1024, succeeded, bytes }
    })
  }
}

/** Compiles a C file of this folder into a static program. */
export function compile(name: string, folder: string): string {
  const program = join(folder, name)
  const source = resolve(import.meta.dirname, `${name}.c`)
  execFileSync('gcc', ['-static', '-O2', '-s', '-o', program, source], { stdio: 'inherit' })
  return program
}
