/**
 * Layers on disk, by digest, for the next pull. What has a name here was held against it when it
 * came in; a file that was touched since is one that is not here.
 */

import { accessSync, constants, type Stats, statSync, utimesSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { privateFolder } from '../io/files.ts'
import { hexOf } from './digest.ts'
import { isHeld, namesIn, partsIn } from './part-names.ts'
import { openPart, type Part } from './parts.ts'
import { explainWrite } from './sink.ts'
import { isUntouched, readStamp, stampFile, writeStamp } from './stamps.ts'

export type Cache = {
  /** The file of a blob that is here whole. */
  readonly find: (digest: string, size: number) => string | undefined
  /** Opens a blob that is not; `undefined` where nothing can be written. */
  readonly begin: (digest: string) => Promise<Part | undefined>
  /** Takes note of links to a blob that we have made, or given their names. */
  readonly noteLinks: (digest: string) => void
  /** Clears away what was not used for longest, down to the limit, as far as that may be. */
  readonly sweep: () => Promise<void>
  readonly list: () => readonly Kept[]
  /** Empties it. */
  readonly clear: () => Promise<void>
}

export type Kept = { readonly digest: string; readonly size: number; readonly usedAt: number }

export type CacheOptions = {
  readonly folder: string
  /** Bytes. */
  readonly limit: number
  readonly now: () => number
}

/** The cache in a folder, which is made when it is needed. */
export function openCache({ folder, limit, now }: CacheOptions): Cache {
  return {
    find: (digest, size) => find(folder, { digest, size }, now()),
    list: () => list(folder),
    begin: async (digest) => {
      try {
        privateFolder(folder)
        return await openPart(folder, hexOf(digest), now)
      } catch {
        return undefined
      }
    },
    noteLinks: (digest) => noteLinks(`${folder}/${hexOf(digest)}`, now()),
    async sweep() {
      let room = limit
      const kept = [...list(folder)].sort((a, b) => b.usedAt - a.usedAt)
      for (const { digest, size } of kept) {
        room -= size
        if (room < 0) await remove(folder, digest).catch(() => {})
      }
      for (const { name, path } of partsIn(folder)) {
        const { mtimeMs = Infinity } = factsOf(path) ?? {}
        if (!isHeld(name) && mtimeMs < now() - LEFTOVER_MS) {
          await rm(path, { force: true }).catch(() => {})
        }
      }
    },
    async clear() {
      const left = partsIn(folder).filter(({ name }) => !isHeld(name))
      try {
        await Promise.all(list(folder).map(({ digest }) => remove(folder, digest)))
        await Promise.all(left.map(({ path }) => rm(path, { force: true })))
      } catch (error) {
        throw explainWrite(error, folder)
      }
    },
  }
}

function find(
  folder: string,
  { digest, size }: Pick<Kept, 'digest' | 'size'>,
  now: number,
): string | undefined {
  const path = `${folder}/${hexOf(digest)}`
  try {
    const [stamp, known] = [stampFile(path), readStamp(path)]
    if (stamp.size !== size || !isUntouched(known, stamp)) return undefined
    accessSync(path, constants.R_OK)
    if (known.ctime !== stamp.ctime) writeStamp(path, stamp, now)
    else noteUse(path, now)
    return path
  } catch {
    return undefined
  }
}

// A cache that is mounted to be read alone still serves.
function noteUse(path: string, now: number): void {
  try {
    utimesSync(`${path}.stamp`, now / 1000, now / 1000)
  } catch {
    // Then it looks as if it were not used.
  }
}

function noteLinks(path: string, now: number): void {
  try {
    const [stamp, known] = [stampFile(path), readStamp(path)]
    const isNew = stamp.ctime !== known.ctime || stamp.links !== known.links
    if (isNew && stamp.content === known.content) writeStamp(path, stamp, now)
  } catch {
    // Then it is loaded anew.
  }
}

function list(folder: string): readonly Kept[] {
  return namesIn(folder)
    .filter((name) => /^[0-9a-f]{64}$/.test(name))
    .flatMap((hex) => {
      const file = factsOf(`${folder}/${hex}`)
      const stamp = factsOf(`${folder}/${hex}.stamp`)
      return file ? [{ digest: `sha256:${hex}`, size: file.size, usedAt: stamp?.mtimeMs ?? 0 }] : []
    })
}

function factsOf(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch {
    return undefined
  }
}

async function remove(folder: string, digest: string): Promise<void> {
  const path = `${folder}/${hexOf(digest)}`
  await rm(`${path}.stamp`, { force: true })
  await rm(path, { force: true })
}

const LEFTOVER_MS = 7 * 24 * 3600_000
