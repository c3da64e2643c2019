/** What a pull writes: an archive whose every place is known from the start, or a folder. */

import { constants } from 'node:fs'
import {
  chmod,
  copyFile,
  type FileHandle,
  link,
  mkdir,
  open,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { UserError } from '../domain/errors.ts'
import { locked } from '../io/lock.ts'
import { clearDrafts, clearDraftsIn, draftMark, draftOf } from './drafts.ts'
import { explainWrite, type Sink, sinkIn } from './sink.ts'
import { appear, isLayout } from './layout-folder.ts'
import { BLOBS } from './layout.ts'
import { BLOCK, padded, tarHeader } from './tar.ts'

/** A file of the output. */
export type Entry = { readonly name: string; readonly size: number }

/** A file of it that is filled as its bytes come. */
export type Slot = Sink & {
  /** Fills it from a file that is here. */
  readonly copyFrom: (path: string) => Promise<void>
  readonly isLinked: () => boolean
  readonly close: () => Promise<void>
}

export type Output = {
  readonly put: (name: string, bytes: Buffer) => Promise<void>
  readonly slot: (name: string) => Promise<Slot>
  /** Gives it its name. */
  readonly finish: () => Promise<void>
  /** Leaves nothing behind. */
  readonly discard: () => Promise<void>
}

const COPY_SIZE = 512 * 1024

/** A tar archive of these files, each of which may be written at any time. */
export async function openArchive(path: string, entries: readonly Entry[]): Promise<Output> {
  await requirePlain(path)
  await clearDrafts(path)
  const draft = draftOf(path)
  const file = await open(draft, 'w').catch((error: unknown) => {
    throw explainWrite(error, path)
  })
  const discard = async () => {
    await file.close().catch(() => {})
    await rm(draft, { force: true })
  }
  const places = await layOut(file, path, entries).catch(async (error: unknown) => {
    await discard()
    throw explainWrite(error, path)
  })
  const placeOf = (name: string) => places.get(name) ?? 0
  return {
    put: (name, bytes) => sinkIn(file, path, placeOf(name)).write([bytes], 0),
    slot: async (name) => {
      const own = sinkIn(file, path, placeOf(name))
      return {
        ...own,
        copyFrom: (from) => copyInto(own, from),
        isLinked: () => false,
        close: async () => {},
      }
    },
    async finish() {
      await file.close()
      await rename(draft, path).catch((error: unknown) => {
        throw explainWrite(error, path)
      })
    },
    discard,
  }
}

/** Writes the headers; resolves to where each file's bytes go. */
async function layOut(
  file: FileHandle,
  path: string,
  entries: readonly Entry[],
): Promise<ReadonlyMap<string, number>> {
  const sink = sinkIn(file, path)
  const places = new Map<string, number>()
  let end = 0
  for (const { name, size } of entries) {
    places.set(name, end + BLOCK)
    await sink.write([tarHeader(name, size)], end)
    end += BLOCK + padded(size)
  }
  // Two empty blocks, and the rest of a record of twenty (POSIX, pax).
  await file.truncate(Math.ceil((end + 2 * BLOCK) / (20 * BLOCK)) * 20 * BLOCK)
  return places
}

/** The file of a folder that comes last, and names all others. */
export type Last = {
  readonly name: string
  /** The file as it is to be where one stands there already. */
  readonly merge: (there: Buffer, own: Buffer) => Buffer
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/**
 * A folder of files. One that is there already keeps what it has, since blobs are named by their
 * digests, and shows what is new once the last file is written; a new one appears whole.
 */
export async function openFolder(path: string, last: Last): Promise<Output> {
  const isThere = await isLayout(path, last.name)
  await (isThere ? clearDraftsIn(join(path, BLOBS)) : clearDrafts(path))
  const target = isThere ? path : draftOf(path)
  const drafts = new Set<string>()
  const files: FileHandle[] = []
  const openDraft = async (draft: string, flags: string) => {
    const file = await open(draft, flags).catch((error: unknown) => {
      throw explainWrite(error, path)
    })
    files.push(file)
    return file
  }
  const draftFor = async (name: string) => {
    const draft = join(target, `${name}.${draftMark()}`)
    await mkdir(dirname(draft), { recursive: true }).catch((error: unknown) => {
      throw explainWrite(error, path)
    })
    drafts.add(draft)
    return draft
  }
  const settle = async (draft: string, name: string, into = target) => {
    await rename(draft, join(into, name))
    // Renaming does nothing where both are one file already.
    await rm(draft, { force: true })
    drafts.delete(draft)
  }
  const write = async (name: string, bytes: Buffer, into?: string) => {
    const draft = await draftFor(name)
    await writeFile(draft, bytes, { flag: 'wx' }).catch((error: unknown) => {
      throw explainWrite(error, path)
    })
    await settle(draft, name, into)
  }
  let held: Buffer | undefined
  return {
    async put(name, bytes) {
      if (name === last.name) held = bytes
      else await write(name, bytes)
    },
    slot: async (name) => {
      const draft = await draftFor(name)
      return slotIn(draft, path, { openDraft, settle: () => settle(draft, name) })
    },
    async finish() {
      const own = held ?? Buffer.alloc(0)
      if (!isThere) {
        await write(last.name, own)
        if (await appear(target, path, last.name)) return
      }
      await inTurn(path, last, async (there) => {
        await write(last.name, last.merge(there, own), path)
      })
      if (!isThere) await rm(target, { recursive: true, force: true })
    },
    async discard() {
      // What came to nothing was never closed.
      for (const file of files) await file.close().catch(() => {})
      for (const draft of drafts) await rm(draft, { force: true })
      if (!isThere) await rm(target, { recursive: true, force: true })
    },
  }
}

/** Acts on the last file of a folder; other pulls may come to their end at the same moment. */
async function inTurn(
  path: string,
  { name, now }: Last,
  act: (there: Buffer) => Promise<void>,
): Promise<void> {
  const file = join(path, name)
  await locked(`${file}.lock`, now, async () => await act(await readFile(file))).catch(
    (error: unknown) => {
      throw explainWrite(error, path)
    },
  )
}

type Settling = {
  readonly openDraft: (draft: string, flags: string) => Promise<FileHandle>
  readonly settle: () => Promise<void>
}

function slotIn(draft: string, path: string, { openDraft, settle }: Settling): Slot {
  let file: Promise<FileHandle> | undefined
  let isLinked = false
  const opened = () => (file ??= openDraft(draft, isLinked ? 'r+' : 'wx'))
  return {
    link: async (from) => (isLinked = await linkAsNew(from, draft)),
    isLinked: () => isLinked,
    write: async (buffers, at) => {
      await sinkIn(await opened(), path).write(buffers, at)
    },
    async copyFrom(from) {
      // A clone where the file system has such a thing, else a copy that the kernel makes.
      try {
        await copyKeepingMode(from, draft)
      } catch (error) {
        throw explainWrite(error, path)
      }
    },
    async close() {
      await (await file)?.close()
      await settle()
    },
  }
}

// A copy has the mode of what it was copied from; here it is to have that of any new file.
async function copyKeepingMode(from: string, to: string): Promise<void> {
  const { mode } = await factsOfNew(to)
  await copyFile(from, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL)
  await chmod(to, mode)
}

// A link that differs in nothing from a new file. What stands in another folder, too, keeps the
// mode that it has there.
async function linkAsNew(from: string, to: string): Promise<boolean> {
  try {
    const [made, file] = [await factsOfNew(to), await stat(from)]
    const isOwn = file.uid === made.uid && file.gid === made.gid
    const isRight = (file.mode & 0o777) === made.mode
    if (!isOwn || (!isRight && file.nlink > 1)) return false
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

/** Writes a file's bytes into a sink. */
export async function copyInto(sink: Sink, from: string): Promise<void> {
  const source = await open(from)
  try {
    // One that stays in the processor's cache, from its read to its write.
    const buffer = Buffer.allocUnsafe(COPY_SIZE)
    for (let at = 0; ;) {
      const { bytesRead } = await source.read(buffer, 0, COPY_SIZE, at)
      if (bytesRead === 0) return
      await sink.write([buffer.subarray(0, bytesRead)], at)
      at += bytesRead
    }
  } finally {
    await source.close()
  }
}

// Renaming over a device or a pipe would take it away.
async function requirePlain(path: string): Promise<void> {
  const there = await stat(path).catch(() => undefined)
  if (!there || there.isFile()) return
  const kind = there.isDirectory()
    ? 'a folder; for a folder add --format oci'
    : 'no plain file; for a pipe use -o -'
  throw new UserError('IMAGE', `${path}: it is ${kind}`)
}
