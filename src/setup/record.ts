/**
 * Changes several files or none, and gives back what was there. Before the first file changes, all
 * of them stand as backups beside a record; who finds a record of changes that were cut off, takes
 * them back.
 */

import { createHash } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { UserError } from '../domain/errors.ts'
import {
  missingFolders,
  openFolder,
  privateFolder,
  removeIfEmpty,
  replaceFile,
  rewriteFile,
} from '../io/files.ts'
import { type Change, contentOf, realPath } from './plan.ts'

type Kept = {
  readonly path: string
  /** The backup's file name, mode and owner; none where there was no file. */
  readonly before?: {
    readonly backup: string
    readonly mode: number
    readonly uid: number
    readonly gid: number
  }
  /** A digest of what was written; none where the file was removed. */
  readonly after?: string
}

type Record = {
  readonly state: 'changing' | 'changed'
  readonly files: readonly Kept[]
  /** Folders that were made, outermost first. */
  readonly folders: readonly string[]
  /** The command that has the engine read the files. */
  readonly restart?: string | undefined
}

const RECORD = 'record.json'

/**
 * Makes all changes, or none of them. The folder keeps backups and record; a setup that was made
 * before stays in it as what there was first. Throws a UserError that names the file in the way.
 */
export function apply(folder: string, changes: readonly Change[], restart?: string): void {
  recover(folder)
  const own = missingFolders(join(folder, RECORD))
  makeFolder(folder)
  const earlier = readRecord(folder)
  const paths = changes.map(({ path }) => realPath(path))
  const kept = earlier?.files ?? []
  const backups = paths
    .filter((path) => !kept.some((one) => one.path === path))
    .map((path, index) => backUp(folder, path, kept.length + index))
  const others = kept.filter(({ path }) => !paths.includes(path))
  const afters = new Map(changes.map(({ content }, index) => [paths[index]!, digestOf(content)]))
  const changed = [...kept, ...backups].filter(({ path }) => paths.includes(path))
  const files = [...others, ...changed.map((one) => withAfter(one, afters.get(one.path)))]
  const made = [...own, ...paths.flatMap(missingFolders)]
  const folders = [...new Set([...(earlier?.folders ?? []), ...made])]
  const all = { files, folders, restart: restart ?? earlier?.restart }
  saveRecord(folder, { state: 'changing', ...all })
  const done: (() => void)[] = []
  try {
    changes.forEach(({ content, mode }, index) => {
      const path = paths[index]!
      const before = contentOf(path)
      put(path, content, mode)
      done.push(() => put(path, before))
    })
  } catch (error) {
    done.forEach((takeBackOne) => takeBackOne())
    if (earlier) saveRecord(folder, earlier)
    else dropRecord(folder, { state: 'changed', ...all })
    throw error
  }
  saveRecord(folder, { state: 'changed', ...all })
}

/**
 * Gives back what was there before the first setup, byte for byte. Throws a UserError where a file
 * was changed since, and changes nothing then.
 */
export function undo(folder: string): Undone {
  recover(folder)
  const record = readRecord(folder)
  if (!record) return { paths: [] }
  const changed = record.files.find(({ path, after }) => digestOf(contentOf(path)) !== after)
  if (changed) {
    const { path, before } = changed
    const backup = before ? `; what was there first is in ${join(folder, before.backup)}` : ''
    throw new UserError('FILE', `${path}: changed since the setup, so it stays${backup}`)
  }
  takeBack(folder, record)
  return { paths: record.files.map(({ path }) => path), restart: record.restart }
}

export type Undone = Pick<Record, 'restart'> & { readonly paths: readonly string[] }

/** Whether there is a setup that can be undone. */
export function isSetUp(folder: string): boolean {
  return readRecord(folder) !== undefined
}

// Cut off between two files: either all changes or none, so none.
function recover(folder: string): void {
  const record = readRecord(folder)
  if (record?.state === 'changing') takeBack(folder, record)
}

function takeBack(folder: string, record: Record): void {
  for (const { path, before } of record.files) {
    const content = before && readFileSync(join(folder, before.backup))
    removeDrafts(path)
    put(path, content, before?.mode)
    if (before) giveBack(path, before)
  }
  dropRecord(folder, record)
}

// What a write that was cut off has left beside the file.
function removeDrafts(path: string): void {
  const folder = dirname(path)
  const names = existsSync(folder) ? readdirSync(folder) : []
  const isDraft = (name: string) =>
    name.startsWith(`${basename(path)}.`) &&
    /^\d+\.tmp$/.test(name.slice(basename(path).length + 1))
  names.filter(isDraft).forEach((name) => rmSync(join(folder, name), { force: true }))
}

// A file that was removed comes back as its owner's, where we may say so.
function giveBack(path: string, { mode, uid, gid }: NonNullable<Kept['before']>): void {
  chmodSync(path, mode)
  const facts = statSync(path)
  if (facts.uid === uid && facts.gid === gid) return
  try {
    chownSync(path, uid, gid)
  } catch {
    // Only root can give files away.
  }
}

function dropRecord(folder: string, { files, folders }: Record): void {
  rmSync(join(folder, RECORD), { force: true })
  files.forEach(({ before }) => before && rmSync(join(folder, before.backup), { force: true }))
  for (const path of [folder, dirname(folder), ...folders.toReversed()]) removeIfEmpty(path)
}

function backUp(folder: string, path: string, index: number): Kept {
  const content = contentOf(path)
  if (content === undefined) return { path }
  const { mode, uid, gid } = statSync(path)
  const backup = `${index}-${basename(path)}`
  rewriteFile(join(folder, backup), content, 0o600)
  return { path, before: { backup, mode: mode & 0o7777, uid, gid } }
}

function withAfter({ path, before }: Kept, after: string | undefined): Kept {
  return { path, ...(before && { before }), ...(after !== undefined && { after }) }
}

// The configuration beside the backups of all engines is for every user to read.
function makeFolder(folder: string): void {
  try {
    openFolder(dirname(dirname(folder)))
    privateFolder(folder)
  } catch (error) {
    throw error instanceof UserError ? error : unwritable(folder, error)
  }
}

// With the mode and owner of the file that it takes the place of, if there is one.
function put(path: string, content: Buffer | undefined, mode?: number): void {
  try {
    if (content === undefined) rmSync(path, { force: true })
    else rewriteFile(path, content, existsSync(path) ? undefined : (mode ?? 0o644))
  } catch (error) {
    throw unwritable(path, error)
  }
}

function unwritable(path: string, error: unknown): UserError {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  const hint = ['EACCES', 'EPERM'].includes(code) ? 'run it as root' : 'see what is in its way'
  return new UserError(
    'FILE',
    `${path}: can't be changed (${code}); ${hint}. Nothing was changed`,
    {
      cause: error,
    },
  )
}

function digestOf(content: Buffer | undefined): string | undefined {
  return content && createHash('sha256').update(content).digest('hex')
}

function readRecord(folder: string): Record | undefined {
  const text = contentOf(join(folder, RECORD))?.toString('utf8')
  return text === undefined ? undefined : (JSON.parse(text) as Record)
}

function saveRecord(folder: string, record: Record): void {
  replaceFile(join(folder, RECORD), JSON.stringify(record, null, 2))
}
