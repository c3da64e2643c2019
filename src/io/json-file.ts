/** JSON files that people write too. */

import { readFileSync } from 'node:fs'
import { UserError } from '../domain/errors.ts'
import { parseJson } from './config.ts'
import { prepareTarget, rewriteFile } from './files.ts'
import { locked } from './lock.ts'
import { readPlain } from './plain-file.ts'
import { decode } from './utf8.ts'

/** The text of a JSON file and its value; `undefined` where there is no file or nothing in it. */
export type JsonFile = { readonly text: string; readonly value: unknown }

/** Reads a file. Throws a UserError that names it and, where it is broken, line and column. */
export function readJsonFile(path: string): JsonFile | undefined {
  return readJson(path, readPlain)
}

/** Reads one that somebody named, which may be a pipe of their shell. Throws as `readJsonFile` does. */
export function readNamedJsonFile(path: string): JsonFile | undefined {
  return readJson(path, (named) => readFileSync(named))
}

function readJson(path: string, read: (path: string) => Buffer): JsonFile | undefined {
  try {
    const text = decode(path, read(path)).replace(/^\uFEFF/, '')
    return text.trim() === '' ? undefined : { text, value: parseJson(path, text) }
  } catch (error) {
    if (error instanceof UserError) throw error
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    const hint = code === 'EACCES' ? 'mend its permissions' : 'see what is in its way'
    throw new UserError('FILE', `${path}: can't be read (${code}); ${hint}`)
  }
}

/** Writes a file as a whole. Throws a UserError where it can't, or where it is none. */
export function writeFileFor(path: string, content: string | Uint8Array, mode?: number): void {
  try {
    rewriteFile(path, content, mode)
  } catch (error) {
    throw unwritable(path, error)
  }
}

// Longer than anybody keeps a lock.
const LONGEST_WAIT_MS = 20_000

export type Change = {
  readonly now: () => number
  /** Permissions of the file, whatever it had. */
  readonly mode?: number | undefined
  /** Permissions of a file that was not there; else its owner's alone. */
  readonly newMode?: number | undefined
}

/**
 * Writes what `edit` makes of a file, after all others who do the same. Throws as `writeFileFor`
 * does, and what `edit` throws.
 */
export async function changeJsonFile(
  path: string,
  { now, mode, newMode }: Change,
  edit: (file: JsonFile | undefined) => string,
): Promise<void> {
  try {
    const lock = `${prepareTarget(path, mode ?? newMode)}.lock`
    const change = async () => {
      const file = readJsonFile(path)
      rewriteFile(path, edit(file), mode ?? (file ? undefined : newMode))
    }
    await locked(lock, now, change, LONGEST_WAIT_MS)
  } catch (error) {
    throw unwritable(path, error)
  }
}

function unwritable(path: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (error instanceof UserError || code === undefined) return error
  const text =
    code === 'EBUSY'
      ? "can't be replaced, for it is mounted itself (EBUSY); mount its folder"
      : `can't be written (${code}); check its folder`
  return new UserError('FILE', `${path}: ${text}`, { cause: error })
}
