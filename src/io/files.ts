/** Files that change whole or not at all, and that nobody but their owner reads. */

import {
  chmodSync,
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { platform } from 'node:os'
import { dirname } from 'node:path'
import { pid } from 'node:process'
import { UserError } from '../domain/errors.ts'

/** Replaces a file by a temporary one beside it, 0600. Throws what node:fs throws. */
export function replaceFile(path: string, text: string): void {
  const draft = `${path}.${pid}.tmp`
  try {
    rmSync(draft, { force: true })
    const file = openSync(draft, 'wx', 0o600)
    try {
      writeFileSync(file, text)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(draft, path)
  } catch (error) {
    rmSync(draft, { force: true })
    throw error
  }
}

/** Makes a folder and its parents, 0700. Throws a UserError when others could still enter it. */
export function privateFolder(path: string): void {
  makeFolder(path)
  if (platform() === 'win32' || (statSync(path).mode & 0o077) === 0) return
  try {
    chmodSync(path, 0o700)
  } catch {
    throw new UserError(
      'STORE',
      `${path}: open to other users and not ours to close; set ECR_CNAME_HOME`,
    )
  }
}

// node:fs' own `recursive` never returns where a folder exists and takes no more, as /proc does.
function makeFolder(path: string): void {
  if (isThere(path) || dirname(path) === path) return
  makeFolder(dirname(path))
  // Says again why it can't be made.
  if (!isThere(path)) mkdirSync(path, 0o700)
}

// Makes it, or finds that somebody has; false where its parent is missing.
function isThere(path: string): boolean {
  try {
    mkdirSync(path, 0o700)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return false
    if (code === 'EEXIST') return true
    throw error
  }
}
