/** What is measured in turn: the programs, each with what it finds when it is started. */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Emulator } from '../test/emulator/emulator.ts'
import type { Command } from './stopwatch.ts'

/** Where the AWS credentials come from. */
export const KINDS = ['keys', 'container', 'imds'] as const
export type Kind = (typeof KINDS)[number]

/** A static empty program; Node with an empty script; ours, alone and packed; the peer. */
export type Program = 'empty' | 'node' | 'front' | 'full' | 'peer'

export type Contender = {
  readonly program: Program
  readonly command: Command
  /** The file whose size counts. */
  readonly file: string
  /** For those that answer a `get`: whether from what is kept, and whose credentials. */
  readonly get?: { readonly isWarm: boolean; readonly kind: Kind }
  /** How often it runs in a round; the round's figures are the medians. */
  readonly times: number
  /** The environment of one round. */
  readonly env: (round: number) => Readonly<Record<string, string>>
}

export type Programs = { readonly [program in Exclude<Program, 'peer'>]: string } & {
  readonly peer?: string | undefined
}

/** Every contender, in the order of the table. Their stores and caches go to a folder. */
export function toContenders(
  programs: Programs,
  emulator: Emulator,
  folder: string,
): readonly Contender[] {
  const script = join(folder, 'empty.cjs')
  writeFileSync(script, '')
  const bare = { times: 3, env: () => ({ HOME: folder }) }
  // Once a kind: it writes AWS' files, and a token of files from before is another identity's.
  const places = KINDS.map((kind) => ({ kind, env: emulator.env(kind), folder }))
  const gets = [true, false].flatMap((isWarm) =>
    places.flatMap((place) => toGets(isWarm, programs, place)),
  )
  return [
    { ...bare, program: 'empty', command: [programs.empty], file: programs.empty },
    { ...bare, program: 'node', command: [programs.node, script], file: programs.node },
    ...gets,
  ]
}

type Place = {
  readonly kind: Kind
  readonly env: Readonly<Record<string, string>>
  readonly folder: string
}

function toGets(
  isWarm: boolean,
  { front, full, peer }: Programs,
  { kind, env, folder }: Place,
): readonly Contender[] {
  const toGet = (program: 'front' | 'full' | 'peer', [file, ...args]: Command): Contender => ({
    program,
    command: [file, ...args],
    file,
    get: { isWarm, kind },
    times: isWarm ? 3 : 1,
    env(round) {
      const store = join(folder, 'stores', program, kind, isWarm ? 'kept' : String(round))
      mkdirSync(store, { recursive: true })
      return { ...env, ECR_CNAME_HOME: store, AWS_ECR_CACHE_DIR: store }
    },
  })
  const ours = [toGet('front', [front, 'get']), toGet('full', [full, 'get'])]
  return peer === undefined ? ours : [...ours, toGet('peer', [peer, 'get'])]
}

/** Makes the tokens of a store end before now, as if nobody had asked for half a day. */
export function expireTokens(store: string): void {
  const folder = join(store, 'tokens')
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.json'))) {
    const entry = JSON.parse(readFileSync(join(folder, name), 'utf8')) as object
    const expired = { ...entry, refreshAt: Date.now() - 2, expiresAt: Date.now() - 1 }
    writeFileSync(join(folder, name), JSON.stringify(expired))
  }
}
