/** What a pull writes: an archive whose every place is known from the start, or a folder. */

import { type FileHandle, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { UserError } from '../domain/errors.ts'
import { targetOf } from '../io/files.ts'
import { locked } from '../io/lock.ts'
import { clearDrafts, clearDraftsIn, draftOf } from './drafts.ts'
import { filesIn, type Slot } from './slots.ts'
import { copyInto, explainWrite, sinkIn } from './sink.ts'
import { appear, isLayout } from './layout-folder.ts'
import { BLOBS } from './layout.ts'
import { BLOCK, padded, tarHeader } from './tar.ts'

/** A file of the output. */
export type Entry = { readonly name: string; readonly size: number }

export type Output = {
  readonly put: (name: string, bytes: Buffer) => Promise<void>
  readonly slot: (name: string) => Slot
  /** Gives it its name. */
  readonly finish: () => Promise<void>
  /** Leaves nothing behind. */
  readonly discard: () => Promise<void>
}

/** A tar archive of these files, each of which may be written at any time; a link is written through. */
export async function openArchive(path: string, entries: readonly Entry[]): Promise<Output> {
  await requirePlain(path)
  const target = linkedFrom(path)
  await clearDrafts(target)
  const draft = draftOf(target)
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
    slot: (name) => {
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
      await rename(draft, target).catch((error: unknown) => {
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
  const files = filesIn(target, path)
  let held: Buffer | undefined
  return {
    async put(name, bytes) {
      if (name === last.name) held = bytes
      else files.write(name, bytes)
    },
    slot: files.slot,
    async finish() {
      const own = held ?? Buffer.alloc(0)
      if (!isThere) {
        files.write(last.name, own)
        if (await appear(target, path, last.name)) return
      }
      await inTurn(path, last, (there) => {
        files.write(last.name, last.merge(there, own), path)
      })
      if (!isThere) await rm(target, { recursive: true, force: true })
    },
    async discard() {
      await files.discard()
      if (!isThere) await rm(target, { recursive: true, force: true })
    },
  }
}

/** Acts on the last file of a folder; other pulls may come to their end at the same moment. */
async function inTurn(
  path: string,
  { name, now }: Last,
  act: (there: Buffer) => void,
): Promise<void> {
  const file = join(path, name)
  await locked(`${file}.lock`, now, async () => act(await readFile(file))).catch(
    (error: unknown) => {
      throw explainWrite(error, path)
    },
  )
}

// Renaming over a link would leave what it leads to as it was.
function linkedFrom(path: string): string {
  try {
    return targetOf(path)
  } catch (error) {
    throw explainWrite(error, path)
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
