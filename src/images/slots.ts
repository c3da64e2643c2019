/** Files of a folder, each a draft until it is whole; with the cache's one file where that can be. */

import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { copyFile, type FileHandle, open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { plainFolder } from '../io/files.ts'
import { draftMark } from './drafts.ts'
import { copyInto, explainWrite, type Sink, sinkIn } from './sink.ts'

/** A file of it that is filled as its bytes come. */
export type Slot = Sink & {
  /** Fills it from a file that is here. */
  readonly copyFrom: (path: string) => Promise<void>
  readonly isLinked: () => boolean
  readonly close: () => Promise<void>
}

export type FolderFiles = {
  /** Writes a file, in another folder where one is told. */
  readonly write: (name: string, bytes: Buffer, into?: string) => void
  readonly slot: (name: string) => Slot
  /** Leaves nothing of what has no name yet. */
  readonly discard: () => Promise<void>
}

/** The files of a folder, which is made when it is needed; `path` is what failures call it. */
export function filesIn(folder: string, path: string): FolderFiles {
  const drafts = new Set<string>()
  const slots: FileSlot[] = []
  const draftFor = (name: string) => {
    const draft = join(folder, `${name}.${draftMark()}`)
    writing(path, () => plainFolder(dirname(draft)))
    drafts.add(draft)
    return draft
  }
  const settle = (draft: string, to: string) => {
    writing(path, () => {
      renameSync(draft, to)
      // Renaming does nothing where both are one file already.
      rmSync(draft, { force: true })
    })
    drafts.delete(draft)
  }
  return {
    write(name, bytes, into = folder) {
      const draft = draftFor(name)
      writing(path, () => writeFileSync(draft, bytes, { flag: 'wx' }))
      settle(draft, join(into, name))
    },
    slot(name) {
      const draft = draftFor(name)
      const slot = slotIn(draft, path, () => settle(draft, join(folder, name)))
      slots.push(slot)
      return slot
    },
    async discard() {
      for (const slot of slots) await slot.drop()
      for (const draft of drafts) rmSync(draft, { force: true })
    },
  }
}

function writing(path: string, act: () => unknown): void {
  try {
    act()
  } catch (error) {
    throw explainWrite(error, path)
  }
}

type FileSlot = Slot & {
  /** Closes it where it came to nothing. */
  readonly drop: () => Promise<void>
}

function slotIn(draft: string, path: string, settle: () => void): FileSlot {
  let file: Promise<FileHandle> | undefined
  let isLinked = false
  let isCopied = false
  const explain = (error: unknown) => {
    throw explainWrite(error, path)
  }
  const opened = () => (file ??= open(draft, 'wx').catch(explain))
  const slot: FileSlot = {
    link: (from) => (isLinked = linkAsNew(from, draft)),
    isLinked: () => isLinked,
    path,
    write: async (buffers, at) => {
      if (isLinked) return
      await sinkIn(await opened(), path).write(buffers, at)
    },
    async copyFrom(from) {
      isCopied = await copyWhole(from, draft).catch(explain)
      if (!isCopied) await copyInto(slot, from).catch(explain)
    },
    async close() {
      // Of an empty blob nothing was written so far.
      if (!isLinked && !isCopied) await (await opened()).close()
      settle()
    },
    async drop() {
      await file?.then((handle) => handle.close()).catch(() => {})
    },
  }
  return slot
}

// A clone where the file system has such a thing, else a copy that the kernel makes. Either has the
// mode and, where the system allows it, the owner and group of what it was copied from: here they are
// to be those of any new file.
async function copyWhole(from: string, to: string): Promise<boolean> {
  const [made, file] = [factsOfNew(to), statSync(from)]
  if (file.uid !== made.uid || file.gid !== made.gid) return false
  await copyFile(from, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL)
  chmodSync(to, made.mode)
  return true
}

// A link that differs in nothing from a new file, and none where others may write to that, for the
// cache is ours alone. What stands in another folder, too, keeps the mode that it has there.
function linkAsNew(from: string, to: string): boolean {
  try {
    const [made, file] = [factsOfNew(to), statSync(from)]
    const isOwn = file.uid === made.uid && file.gid === made.gid
    const isRight = (file.mode & 0o777) === made.mode
    const isOpen = (made.mode & 0o022) !== 0
    if (!isOwn || isOpen || (!isRight && file.nlink > 1)) return false
    linkSync(from, to)
    if (!isRight) chmodSync(to, made.mode)
    return true
  } catch {
    rmSync(to, { force: true })
    return false
  }
}

// What the system gives to a file that is made here, whose name is free again after that.
function factsOfNew(path: string) {
  const made = openSync(path, 'wx')
  const { mode, uid, gid } = fstatSync(made)
  closeSync(made)
  rmSync(path)
  return { mode: mode & 0o777, uid, gid }
}
