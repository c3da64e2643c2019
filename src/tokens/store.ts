/** Tokens on disk: one file a name and identity. A file's modification time is its expiry. */

import { readdirSync, rmSync, statSync, utimesSync } from 'node:fs'
import { type Entry, fileName, LONGEST_LIFE, readAnyEntry } from '../front/entry.ts'
import { identityOf } from '../front/identity.ts'
import { type Environment, storeFolder } from '../front/places.ts'
import { privateFolder, replaceFile } from '../io/files.ts'

// More than any machine has registries and principals; the ones that end first go.
const MOST_ENTRIES = 512
const ONE_OF_OURS = /^[a-z0-9._+-]+@\d+-\d+\.json/
// Longer than any process of ours lives.
const LEFTOVER_AGE = 10 * 60_000

/** Makes the folders that files of the store stand in. Throws where it can't. */
export function openStore(env: Environment): void {
  const folder = storeFolder(env)
  privateFolder(folder)
  privateFolder(`${folder}/tokens`)
}

/** Keeps an entry in its file, then clears away what has ended. Throws what node:fs throws. */
export function saveEntry(path: string, entry: Entry, env: Environment, now: number): void {
  replaceFile(path, JSON.stringify(entry))
  utimesSync(path, now / 1000, entry.expiresAt / 1000)
  sweep(env, now)
}

/** Drops every token of a name, whoever minted it. A token that can't be dropped throws. */
export function dropEntries(name: string, env: Environment): void {
  for (const path of filesOf(env)) {
    if (path.includes(`/tokens/${fileName(name)}@`)) rmSync(path, { force: true })
  }
}

/** The tokens of this environment's identities. */
export function ownEntries(env: Environment): readonly Entry[] {
  return filesOf(env).flatMap((path) => {
    const entry = readAnyEntry(path)
    return entry && entry.identity === identityOf(entry.name, env) ? entry : []
  })
}

function sweep(env: Environment, now: number): void {
  const files = filesOf(env).map((path) => ({ path, mtime: statTime(path) }))
  const ended = files.filter(({ path, mtime }) =>
    isEntry(path)
      ? mtime < now || mtime > now + LONGEST_LIFE + LEFTOVER_AGE
      : mtime < now - LEFTOVER_AGE,
  )
  const rest = files.filter((file) => isEntry(file.path) && !ended.includes(file))
  const surplus = rest.sort((a, b) => b.mtime - a.mtime).slice(MOST_ENTRIES)
  for (const { path } of [...ended, ...surplus]) rmSync(path, { force: true, recursive: true })
}

// Beside the entries stand locks, notes of failures and drafts.
function isEntry(path: string): boolean {
  return path.endsWith('.json')
}

function filesOf(env: Environment): readonly string[] {
  const folder = `${storeFolder(env)}/tokens`
  try {
    const names = readdirSync(folder).filter((name) => ONE_OF_OURS.test(name))
    return names.map((name) => `${folder}/${name}`)
  } catch {
    return []
  }
}

function statTime(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}
