/** One caller of a front: a home with a store, a full program beside, and what it says. */

import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import { tokenFile } from '../../src/front/entry.ts'
import { identityOf } from '../../src/front/identity.ts'
import { storeFolder } from '../../src/front/places.ts'
import { temporaryFolder } from '../support/folder.ts'
import { type Outcome, runProgram, type Running, start } from '../support/program.ts'
import { eventually } from '../support/user.ts'
import { textOfAge } from './entries.ts'
import type { Program } from './programs.ts'

export const HOST = '123456789012.dkr.ecr.us-east-1.amazonaws.com'
export const MISSING = `docker-credential-ecr-cname: the full program, ecr-cname, is neither beside this one nor on PATH; install both\n`
/** What a stand-in for the full program says, and the script that says it. */
export const FULL = 'from the full program\n'
export const SAYS_FULL = `echo ${FULL.trim()}`
/** A stand-in that stays until the test has ended. */
export const STAYS = 'echo $$ >>"$FOLDER/started"; exec sleep 60'

export type Setup = {
  readonly folder: string
  readonly env: Record<string, string | undefined>
  /** The program's file and what comes before the verb. */
  readonly command: readonly [string, ...string[]]
  readonly file: () => string
  /** Keeps a token of an age. */
  readonly keep: (age: string) => string
  /** Puts a shell script, or a program, in the full one's place. */
  readonly withFull: (script: string, mode?: number) => void
  readonly get: (input?: string | Buffer) => Promise<Outcome>
  readonly start: (words?: readonly string[], input?: string) => Running
}

export function setUp({ file: program, args }: Program): Setup {
  const folder = temporaryFolder()
  onTestFinished(() => killAll(folder))
  const bin = join(folder, 'bin/docker-credential-ecr-cname')
  mkdirSync(join(folder, 'home'))
  mkdirSync(dirname(bin))
  linkSync(program, bin)
  const env: Record<string, string | undefined> = {
    PATH: '/usr/bin:/bin',
    HOME: join(folder, 'home'),
    AWS_EC2_METADATA_DISABLED: 'true',
    FOLDER: folder,
  }
  const command = [bin, ...args] as const
  const file = () => tokenFile(storeFolder(env), HOST, identityOf(HOST, env))
  return {
    folder,
    env,
    command,
    file,
    keep(age) {
      mkdirSync(dirname(file()), { recursive: true })
      const text = textOfAge(age, HOST, identityOf(HOST, env), Date.now())
      writeFileSync(file(), text, { mode: 0o600 })
      return (JSON.parse(text) as { secret: string }).secret
    },
    withFull(script, mode = 0o755) {
      rmSync(join(dirname(bin), 'ecr-cname'), { force: true })
      writeFileSync(join(dirname(bin), 'ecr-cname'), `#!/bin/sh\n${script}\n`, { mode })
    },
    get: (input = HOST) => runProgram([...command, 'get'], { env, input, cwd: folder }),
    start: (words = ['get'], input = HOST) =>
      start([...command, ...words], { env, input, cwd: folder }),
  }
}

export function reply(secret: string): string {
  return `${JSON.stringify({ ServerURL: HOST, Username: 'AWS', Secret: secret })}\n`
}

export function ended(exitCode: number, stdout: string, stderr = ''): Outcome {
  return { exitCode, signal: null, stdout, stderr }
}

/** The lines of a file that a stand-in writes to. */
export function lines(folder: string, name: string): string[] {
  const path = join(folder, name)
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n').filter(Boolean) : []
}

export function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
}

/** The process that the first stand-in is, once there is one that stays. */
export async function stayed({ folder }: Setup): Promise<number> {
  await eventually(() => lines(folder, 'started').length > 0)
  return Number(lines(folder, 'started')[0])
}

/** Ends every process that works for a folder, and its children. */
export function killAll(folder: string): void {
  for (;;) {
    const left = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && worksFor(pid, folder))
    if (left.length === 0) return
    for (const pid of left) {
      try {
        process.kill(Number(pid), 'SIGKILL')
      } catch {
        // It ended by itself.
      }
    }
  }
}

function worksFor(pid: string, folder: string): boolean {
  try {
    const variables = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
    return variables.includes(`FOLDER=${folder}`)
  } catch {
    return false
  }
}
