/** Files of a folder, each a draft until it is whole; with the cache's one file where that can be. */

import { constants } from 'node:fs'
import {
  chmod,
  copyFile,
  type FileHandle,
  link,
  mkdir,
  open,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
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
  readonly write: (name: string, bytes: Buffer, into?: string) => Promise<void>
  readonly slot: (name: string) => Promise<Slot>
  /** Leaves nothing of what has no name yet. */
  readonly discard: () => Promise<void>
}

/** The files of a folder, which is made when it is needed; `path` is what failures call it. */
export function filesIn(folder: string, path: string): FolderFiles {
  const drafts = new Set<string>()
  const slots: FileSlot[] = []
  const explain = explaining(path)
  const draftFor = async (name: string) => {
    const draft = join(folder, `${name}.${draftMark()}`)
    await mkdir(dirname(draft), { recursive: true }).catch(explain)
    drafts.add(draft)
    return draft
  }
  const settle = async (draft: string, to: string) => {
    await rename(draft, to).catch(explain)
    // Renaming does nothing where both are one file already.
    await rm(draft, { force: true }).catch(explain)
    drafts.delete(draft)
  }
  return {
    async write(name, bytes, into = folder) {
      const draft = await draftFor(name)
      await writeFile(draft, bytes, { flag: 'wx' }).catch(explain)
      await settle(draft, join(into, name))
    },
    async slot(name) {
      const draft = await draftFor(name)
      const slot = slotIn(draft, path, () => settle(draft, join(folder, name)))
      slots.push(slot)
      return slot
    },
    async discard() {
      for (const slot of slots) await slot.drop()
      for (const draft of drafts) await rm(draft, { force: true })
    },
  }
}

function explaining(path: string): (error: unknown) => never {
  return (error) => {
    throw explainWrite(error, path)
  }
}

type FileSlot = Slot & {
  /** Closes it where it came to nothing. */
  readonly drop: () => Promise<void>
}

function slotIn(draft: string, path: string, settle: () => Promise<void>): FileSlot {
  let file: Promise<FileHandle> | undefined
  let isLinked = false
  let isCopied = false
  const explain = explaining(path)
  const opened = () => (file ??= open(draft, 'wx').catch(explain))
  const slot: FileSlot = {
    link: async (from) => (isLinked = await linkAsNew(from, draft)),
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
      await settle()
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
  const [made, file] = [await factsOfNew(to), await stat(from)]
  if (file.uid !== made.uid || file.gid !== made.gid) return false
  await copyFile(from, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL)
  await chmod(to, made.mode)
  return true
}

// A link that differs in nothing from a new file, and none where others may write to that, for the
// cache is ours alone. What stands in another folder, too, keeps the mode that it has there.
async function linkAsNew(from: string, to: string): Promise<boolean> {
  try {
    const [made, file] = [await factsOfNew(to), await stat(from)]
    const isOwn = file.uid === made.uid && file.gid === made.gid
    const isRight = (file.mode & 0o777) === made.mode
    const isOpen = (made.mode & 0o022) !== 0
    if (!isOwn || isOpen || (!isRight && file.nlink > 1)) return false
    await link(from, to)
    if (!isRight) await chmod(to, made.mode)
    return true
  } catch {
    await rm(to, { force: true })
    return false
  }
}

// What the system gives to a file that is made here, whose name is free again after that.
async function factsOfNew(path: string) {
  const made = await open(path, 'wx')
  const { mode, uid, gid } = await made.stat()
  await made.close()
  await rm(path)
  return { mode: mode & 0o777, uid, gid }
}
