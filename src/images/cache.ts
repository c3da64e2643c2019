/**
 * Layers on disk, by digest, for the next pull. What has a name here was held against it when it
 * came in; a file that was touched since is one that is not here.
 */

import { constants } from 'node:fs'
import { access, readdir, rm, stat, utimes } from 'node:fs/promises'
import { privateFolder } from '../io/files.ts'
import { hexOf } from './digest.ts'
import { isHeld, partsIn } from './part-names.ts'
import { openPart, type Part } from './parts.ts'
import { explainWrite } from './sink.ts'
import { isUntouched, readStamp, stampFile, writeStamp } from './stamps.ts'

export type Cache = {
  /** The file of a blob that is here whole. */
  readonly find: (digest: string, size: number) => Promise<string | undefined>
  /** Opens a blob that is not; `undefined` where nothing can be written. */
  readonly begin: (digest: string) => Promise<Part | undefined>
  /** Takes note of links to a blob that we have made, or given their names. */
  readonly noteLinks: (digest: string) => Promise<void>
  /** Clears away what was not used for longest, down to the limit, as far as that may be. */
  readonly sweep: () => Promise<void>
  readonly list: () => Promise<readonly Kept[]>
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
    noteLinks: async (digest) => await noteLinks(`${folder}/${hexOf(digest)}`, now()),
    async sweep() {
      let room = limit
      const kept = [...(await list(folder))].sort((a, b) => b.usedAt - a.usedAt)
      for (const { digest, size } of kept) {
        room -= size
        if (room < 0) await remove(folder, digest).catch(() => {})
      }
      for (const { name, path } of await partsIn(folder)) {
        const { mtimeMs = Infinity } = (await stat(path).catch(() => undefined)) ?? {}
        if (!isHeld(name) && mtimeMs < now() - LEFTOVER_MS) {
          await rm(path, { force: true }).catch(() => {})
        }
      }
    },
    async clear() {
      const left = (await partsIn(folder)).filter(({ name }) => !isHeld(name))
      try {
        await Promise.all((await list(folder)).map(({ digest }) => remove(folder, digest)))
        await Promise.all(left.map(({ path }) => rm(path, { force: true })))
      } catch (error) {
        throw explainWrite(error, folder)
      }
    },
  }
}

async function find(
  folder: string,
  { digest, size }: Pick<Kept, 'digest' | 'size'>,
  now: number,
): Promise<string | undefined> {
  const path = `${folder}/${hexOf(digest)}`
  try {
    const [stamp, known] = await Promise.all([stampFile(path), readStamp(path)])
    if (stamp.size !== size || !isUntouched(known, stamp)) return undefined
    await access(path, constants.R_OK)
    // A cache that is mounted to be read alone still serves.
    if (known.ctime !== stamp.ctime) await writeStamp(path, stamp, now)
    else await utimes(`${path}.stamp`, now / 1000, now / 1000).catch(() => {})
    return path
  } catch {
    return undefined
  }
}

async function noteLinks(path: string, now: number): Promise<void> {
  try {
    const [stamp, known] = await Promise.all([stampFile(path), readStamp(path)])
    const isNew = stamp.ctime !== known.ctime || stamp.links !== known.links
    if (isNew && stamp.content === known.content) await writeStamp(path, stamp, now)
  } catch {
    // Then it is loaded anew.
  }
}

async function list(folder: string): Promise<readonly Kept[]> {
  const names = await readdir(folder).catch(() => [])
  const kept = names
    .filter((name) => /^[0-9a-f]{64}$/.test(name))
    .map(async (hex) => {
      const [file, stamp] = await Promise.all([
        stat(`${folder}/${hex}`),
        stat(`${folder}/${hex}.stamp`).catch(() => undefined),
      ])
      return { digest: `sha256:${hex}`, size: file.size, usedAt: stamp?.mtimeMs ?? 0 }
    })
  const all = await Promise.allSettled(kept)
  return all.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
}

async function remove(folder: string, digest: string): Promise<void> {
  const path = `${folder}/${hexOf(digest)}`
  await rm(`${path}.stamp`, { force: true })
  await rm(path, { force: true })
}

const LEFTOVER_MS = 7 * 24 * 3600_000
