/** Where engines and systems look for authorities that they trust. */

import { existsSync, rmSync } from 'node:fs'
import { join, resolve, sep } from 'node:path'
import { missingFolders, removeIfEmpty, replaceFile, rewriteFile } from '../io/files.ts'
import { readJsonFile } from '../io/json-file.ts'
import { readPlain } from '../io/plain-file.ts'

export const TRUSTERS = ['docker', 'podman', 'containerd', 'system'] as const
export type Truster = (typeof TRUSTERS)[number]

/** A file that makes one of them trust an authority, and what has to be run after. */
export type Trust = {
  readonly truster: Truster
  readonly file: string
  readonly command?: readonly [string, ...string[]]
}

/** The file of an authority for a name, with its port if it has one; below a root. */
export function trustOf(truster: Truster, name: string, root: string): Trust {
  const own = `${name.replace(/:\d+$/, '').replace('*', '_')}.crt`
  const at = (...parts: readonly string[]) => join(root, ...parts)
  if (truster === 'system') return systemTrust(at, own)
  const folder = { docker: 'docker', podman: 'containers', containerd: 'containerd' }[truster]
  return { truster, file: at('/etc', folder, 'certs.d', name, 'ecr-cname.crt') }
}

/** Whether the authority stands there. */
export function isTrusted({ file }: Trust, authority: string): boolean {
  return existsSync(file) && readPlain(file).toString('utf8') === authority
}

/** Puts the authority of a folder there. Throws what node:fs throws. */
export function addTrust({ file }: Trust, authority: string, dir: string): void {
  const made = missingFolders(resolve(file))
  rewriteFile(file, authority, 0o644)
  noteMade(dir, (noted) => [...noted, ...made])
}

/** Takes the authority away again, and the folders made for it; what is somebody else's stays. */
export function removeTrust(trust: Trust, authority: string, dir: string): boolean {
  if (!isTrusted(trust, authority)) return false
  rmSync(trust.file)
  const isAbove = (folder: string) => resolve(trust.file).startsWith(`${folder}${sep}`)
  const made = readMade(dir).filter(isAbove)
  made.toReversed().forEach(removeIfEmpty)
  noteMade(dir, (noted) => noted.filter((folder) => !made.includes(folder) || existsSync(folder)))
  return true
}

/** Beside the authority: the folders that were made for its file, the outermost first. */
const MADE_FILE = 'made-folders.json'

function readMade(dir: string): readonly string[] {
  const value = readJsonFile(join(dir, MADE_FILE))?.value
  return Array.isArray(value) ? value.map(String) : []
}

function noteMade(dir: string, change: (noted: readonly string[]) => readonly string[]): void {
  const noted = readMade(dir)
  const next = change(noted)
  if (next.length === noted.length) return
  try {
    replaceFile(join(dir, MADE_FILE), JSON.stringify(next))
  } catch {
    // Where nothing can be noted, empty folders stay.
  }
}

type At = (...parts: readonly string[]) => string

// Debian's and its like, else Fedora's and its like.
function systemTrust(at: At, name: string): Trust {
  if (existsSync(at('/etc/pki/ca-trust/source/anchors'))) {
    const file = at('/etc/pki/ca-trust/source/anchors', `ecr-cname-${name}`)
    return { truster: 'system', file, command: ['update-ca-trust', 'extract'] }
  }
  const file = at('/usr/local/share/ca-certificates', `ecr-cname-${name}`)
  return { truster: 'system', file, command: ['update-ca-certificates'] }
}
