/** One user of the helper: a home, a store, a configuration, and an emulated AWS. */

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { CredentialKind } from '../emulator/environment.ts'
import { type Emulator, type EmulatorOptions, startEmulator } from '../emulator/emulator.ts'
import { temporaryFolder } from './folder.ts'
import { HELPER, type Outcome, runProgram } from './program.ts'

export const CNAME = 'docker.company.test'
export const ECR = '123456789012.dkr.ecr.us-east-1.amazonaws.com'
export const NOT_FOUND = 'credentials not found in native keychain\n'

export type User = {
  readonly home: string
  readonly store: string
  /** May be changed by a test before a call. */
  readonly env: Record<string, string | undefined>
  readonly run: (verb: string, input?: string) => Promise<Outcome>
  /** The secret that `get` answers; fails where it answers none. */
  readonly secret: (serverUrl?: string) => Promise<string>
  readonly configure: (config: unknown) => void
  /** Files of the store's tokens, without locks and the like. */
  readonly tokens: () => string[]
  /** Rewrites the one token that is kept. */
  readonly alter: (change: (entry: Record<string, unknown>) => Record<string, unknown>) => void
}

export async function emulated(options: EmulatorOptions = {}): Promise<Emulator> {
  const emulator = await startEmulator(options)
  onTestFinished(() => emulator.close())
  return emulator
}

export function newUser(emulator: Emulator, kind: CredentialKind = 'keys'): User {
  const home = temporaryFolder()
  const store = join(home, '.cache/ecr-cname')
  const env = { ...emulator.env(kind), HOME: home }
  const run = (verb: string, input = '') => runProgram([...HELPER, verb], { env, input })
  const tokens = () => {
    const folder = join(store, 'tokens')
    if (!existsSync(folder)) return []
    return readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .map((name) => join(folder, name))
  }
  return {
    home,
    store,
    env,
    run,
    tokens,
    async secret(serverUrl = CNAME) {
      const { stdout, exitCode } = await run('get', serverUrl)
      if (exitCode !== 0) throw new Error(`get ${serverUrl}: ${stdout}`)
      return (JSON.parse(stdout) as { Secret: string }).Secret
    },
    configure(config) {
      writeTree(home, { '.config/ecr-cname/config.json': JSON.stringify(config) })
    },
    alter(change) {
      const [path = ''] = tokens()
      const entry = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
      writeFileSync(path, JSON.stringify(change(entry)), { mode: 0o600 })
    },
  }
}

/** Writes files under a folder. */
export function writeTree(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text, { mode: 0o600 })
  }
}

/** The mints that the emulator was asked for, refused ones too. */
export function mints(emulator: Emulator): number {
  return emulator.calls.filter(({ operation }) => operation === 'GetAuthorizationToken').length
}

/** The regions that requests were signed for, in order. */
export function signedRegions(emulator: Emulator): (string | undefined)[] {
  return emulator.calls.map(
    ({ headers }) => /Credential=[^/]+\/\d+\/([^/]+)\//.exec(headers['authorization'] ?? '')?.[1],
  )
}

/** Resolves once a condition holds; fails after ten seconds. */
export async function eventually(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (condition()) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`never held: ${String(condition)}`)
}
