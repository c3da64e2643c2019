/** Files that change whole or not at all, and that nobody but their owner reads. */

import {
  chmodSync,
  closeSync,
  existsSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { platform } from 'node:os'
import { dirname, resolve } from 'node:path'
import { pid } from 'node:process'
import { UserError } from '../domain/errors.ts'
import { noFile } from './plain-file.ts'

/** Replaces a file by a temporary one beside it, 0600. Throws what node:fs throws. */
export function replaceFile(path: string, text: string): void {
  replace(path, text)
}

/**
 * Replaces a file that others may have made, or makes it: written through links, with the owner
 * and permissions that it has. Throws a UserError where a device or a FIFO is in its place, and
 * what node:fs throws.
 */
export function rewriteFile(path: string, content: string | Uint8Array, mode?: number): void {
  const target = prepareTarget(path, mode)
  const facts = statSync(target, { throwIfNoEntry: false })
  replace(target, content, (file) => {
    fchmodSync(file, mode ?? (facts ? facts.mode & 0o777 : 0o600))
    if (!facts) return
    try {
      fchownSync(file, facts.uid, facts.gid)
    } catch {
      // Only root can give files away, and a file in a folder of ours is ours to replace.
    }
  })
}

/**
 * The path that links lead to, in a folder that is there: as private as permissions ask for the
 * file. Throws as `rewriteFile` does.
 */
export function prepareTarget(path: string, mode?: number): string {
  const facts = statSync(path, { throwIfNoEntry: false })
  if (facts && !facts.isFile() && !facts.isDirectory()) throw noFile(path, facts, 'name another')
  const target = targetOf(path)
  makeFolder(dirname(target), mode && mode & 0o004 ? 0o755 : 0o700)
  return target
}

/** Where links lead, also where no file is yet. Throws what node:fs throws. */
export function targetOf(path: string): string {
  return statSync(path, { throwIfNoEntry: false }) ? realpathSync(path) : endOf(path)
}

// The path itself where it is no link.
function endOf(path: string): string {
  const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()
  return isLink ? endOf(resolve(realpathSync(dirname(path)), readlinkSync(path))) : path
}

function replace(
  path: string,
  content: string | Uint8Array,
  prepare: (file: number) => void = () => {},
): void {
  const draft = `${path}.${pid}.tmp`
  try {
    rmSync(draft, { force: true })
    const file = openSync(draft, 'wx', 0o600)
    try {
      writeFileSync(file, content)
      prepare(file)
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
  makeFolder(path, 0o700)
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

/** Makes a folder for all to read, where it is missing, with those above it. */
export function openFolder(path: string): void {
  makeFolder(path, 0o755)
}

/** Makes a folder as the umask has it, where it is missing, with those above it. */
export function plainFolder(path: string): void {
  makeFolder(path)
}

/** The folders that a file needs and that are not there yet, the outermost first. */
export function missingFolders(path: string): readonly string[] {
  const folder = dirname(path)
  if (existsSync(folder) || folder === path) return []
  return [...missingFolders(folder), folder]
}

/** Removes a folder that holds nothing. */
export function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder)
  } catch {
    // Somebody has put something there.
  }
}

// node:fs' own `recursive` never returns where a folder exists and takes no more, as /proc does.
function makeFolder(path: string, mode?: number): void {
  if (isThere(path, mode) || dirname(path) === path) return
  makeFolder(dirname(path), mode)
  // Says again why it can't be made.
  if (!isThere(path, mode)) mkdirSync(path, mode)
}

// Makes it, or finds that somebody has; false where its parent is missing.
function isThere(path: string, mode?: number): boolean {
  try {
    mkdirSync(path, mode)
    // What all are to read they can, whatever the umask.
    if (mode !== undefined && mode & 0o004) chmodSync(path, mode)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return false
    if (code === 'EEXIST') return true
    throw error
  }
}
