/** Blobs on their way into the cache, and what earlier runs have left of them. */

import { renameSync, rmSync, statSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { codeOf } from './codes.ts'
import { isHeld, partPath, partsIn } from './part-names.ts'
import { type Sink, sinkIn } from './sink.ts'
import { stampFile, writeStamp } from './stamps.ts'

/** A blob on its way in. */
export type Part = Sink & {
  /** Becomes one file with an output, where that can be: each byte is written once, and has to be. */
  readonly share: (output: Sink) => void
  /** Hands on what an earlier run has left; resolves to its size. */
  readonly replay: (take: (chunk: Buffer) => Promise<void>) => Promise<number>
  readonly empty: () => Promise<void>
  /** Gives it its name, once it is known to be what it should be. */
  readonly keep: () => Promise<void>
  /** Leaves it for a later run. */
  readonly leave: () => Promise<void>
}

/**
 * Opens a part that this run alone writes to, since it may be one file with a blob in a folder: two
 * pulls at once have a part each, and what an earlier run has left is read and written anew.
 */
export async function openPart(folder: string, hex: string, now: () => number): Promise<Part> {
  const left = takeLeft(folder, hex)
  const path = partPath(folder, hex)
  const file = await open(path, 'wx', 0o600)
  return partIn(file, { path, left, name: `${folder}/${hex}`, now })
}

// One that nobody holds any more is taken over by renaming it, which only one can do.
function takeLeft(folder: string, hex: string): string | undefined {
  const left = partsIn(folder)
    .filter(({ name }) => name.startsWith(`${hex}.`) && !isHeld(name))
    .map(({ path }) => ({ path, size: sizeOf(path) }))
  for (const { path } of left.toSorted((a, b) => b.size - a.size)) {
    const own = partPath(folder, hex)
    try {
      renameSync(path, own)
      return own
    } catch {
      // Another has it now.
    }
  }
  return undefined
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

type PartFiles = {
  readonly path: string
  /** What an earlier run has left. */
  readonly left: string | undefined
  /** Its name once it is whole. */
  readonly name: string
  readonly now: () => number
}

function partIn(file: FileHandle, { path, left, name, now }: PartFiles): Part {
  let isBroken = false
  let shared: Sink | undefined
  const sink = sinkIn(file, path)
  const dropLeft = () => {
    if (left !== undefined) rmSync(left, { force: true })
  }
  return {
    path,
    share(output) {
      if (output.link?.(path)) shared = sinkIn(file, output.path)
    },
    async write(buffers, at) {
      if (shared) await shared.write(buffers, at)
      if (shared || isBroken) return
      // The image matters, and its cache does not.
      await sink.write(buffers, at).catch(() => {
        isBroken = true
        rmSync(path, { force: true })
      })
    },
    async replay(take) {
      const bytes = left === undefined ? 0 : await readAll(left, take)
      dropLeft()
      return bytes
    },
    async empty() {
      dropLeft()
      await file.truncate(0)
    },
    async keep() {
      await file.close()
      if (isBroken) return
      unlessGone(() => {
        renameSync(path, name)
        writeStamp(name, stampFile(name), now())
      })
    },
    async leave() {
      await file.close()
      for (const one of left === undefined ? [path] : [path, left]) {
        unlessGone(() => renameSync(one, one.replace(/-\d+-(?=\d+$)/, '-0-')))
      }
    },
  }
}

const READ_SIZE = 1024 * 1024

/** Hands on a file's bytes; resolves to their number. */
async function readAll(path: string, take: (chunk: Buffer) => Promise<void>): Promise<number> {
  const file = await open(path).catch(() => undefined)
  try {
    for (let at = 0; ;) {
      const read = await file?.read(Buffer.allocUnsafe(READ_SIZE), 0, READ_SIZE, at)
      if (!read?.bytesRead) return at
      await take(read.buffer.subarray(0, read.bytesRead))
      at += read.bytesRead
    }
  } finally {
    await file?.close()
  }
}

// Another process has taken it over, or emptied the cache.
function unlessGone(act: () => void): void {
  try {
    act()
  } catch (error) {
    if (!/^(ENOENT|ENOSPC|EDQUOT|EFBIG|EACCES|EPERM)$/.test(codeOf(error))) throw error
  }
}
