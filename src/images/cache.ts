/**
 * Layers on disk, by digest, for the next pull. What has a name here was held against it when it
 * came in; a file that was touched since is one that is not here.
 */

import { rmSync } from 'node:fs'
import {
  type FileHandle,
  open,
  readdir,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { pid } from 'node:process'
import { privateFolder } from '../io/files.ts'
import { codeOf } from './connection.ts'
import { hexOf } from './digest.ts'
import { isRunning } from './drafts.ts'
import { sinkIn, type Sink } from './sink.ts'

/** A blob on its way in. */
export type Part = Sink & {
  /** Hands on what an earlier run has left; resolves to its size. */
  readonly replay: (take: (chunk: Buffer) => Promise<void>) => Promise<number>
  readonly empty: () => Promise<void>
  /** Gives it its name, once it is known to be what it should be. */
  readonly keep: () => Promise<void>
  /** Leaves it for a later run. */
  readonly leave: () => Promise<void>
}

export type Cache = {
  /** The file of a blob that is here whole. */
  readonly find: (digest: string, size: number) => Promise<string | undefined>
  /** Opens a blob that is not; `undefined` where nothing can be written. */
  readonly begin: (digest: string) => Promise<Part | undefined>
  /** Clears away what was not used for longest, down to the limit. */
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
        return await openPart(folder, hexOf(digest))
      } catch {
        return undefined
      }
    },
    async sweep() {
      let room = limit
      const kept = [...(await list(folder))].sort((a, b) => b.usedAt - a.usedAt)
      for (const { digest, size } of kept) {
        room -= size
        if (room < 0) await remove(folder, digest)
      }
      for (const { name, path } of await partsIn(folder)) {
        const { mtimeMs = Infinity } = (await stat(path).catch(() => undefined)) ?? {}
        if (!isHeld(name) && mtimeMs < now() - LEFTOVER_MS) await rm(path, { force: true })
      }
    },
    async clear() {
      await Promise.all((await list(folder)).map(({ digest }) => remove(folder, digest)))
      const left = (await partsIn(folder)).filter(({ name }) => !isHeld(name))
      await Promise.all(left.map(({ path }) => rm(path, { force: true })))
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
    const [stamp, known] = await Promise.all([stampFile(path), readText(`${path}.stamp`)])
    if (stamp.size !== size || stamp.text !== known) return undefined
    await utimes(`${path}.stamp`, now / 1000, now / 1000)
    return path
  } catch {
    return undefined
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
const READ_SIZE = 1024 * 1024

// Two pulls at once have a part each. One that nobody holds any more is taken over by renaming it,
// which only one can do.
async function openPart(folder: string, hex: string): Promise<Part> {
  const path = `${folder}/${hex}.part-${pid}-${++parts}`
  for (const found of await partsIn(folder)) {
    if (!found.name.startsWith(`${hex}.`) || isHeld(found.name)) continue
    if (
      await rename(found.path, path).then(
        () => true,
        () => false,
      )
    )
      break
  }
  const file = await open(path, 'a+', 0o600).then(async (made) => {
    await made.close()
    return await open(path, 'r+')
  })
  return partIn(file, path, `${folder}/${hex}`)
}

let parts = 0

function partIn(file: FileHandle, path: string, name: string): Part {
  let isBroken = false
  const sink = sinkIn(file, path)
  return {
    async write(buffers, at) {
      if (isBroken) return
      // The image matters, and its cache does not.
      await sink.write(buffers, at).catch(() => {
        isBroken = true
        rmSync(path, { force: true })
      })
    },
    async replay(take) {
      let at = 0
      for (;;) {
        const { bytesRead, buffer } = await file.read(
          Buffer.allocUnsafe(READ_SIZE),
          0,
          READ_SIZE,
          at,
        )
        if (bytesRead === 0) return at
        await take(buffer.subarray(0, bytesRead))
        at += bytesRead
      }
    },
    empty: () => file.truncate(0),
    async keep() {
      await file.close()
      if (isBroken) return
      await rename(path, name).catch(ifGone)
      await writeFile(`${name}.stamp`, (await stampFile(name)).text, { mode: 0o600 }).catch(ifGone)
    },
    async leave() {
      await file.close()
      await rename(path, path.replace(/-\d+-/, '-0-')).catch(ifGone)
    },
  }
}

// Another process has taken it over, or emptied the cache.
function ifGone(error: unknown): void {
  if (!/^(ENOENT|ENOSPC|EDQUOT|EFBIG|EACCES|EPERM)$/.test(codeOf(error))) throw error
}

async function partsIn(folder: string) {
  const names = await readdir(folder).catch(() => [])
  return names
    .filter((name) => name.includes('.part-'))
    .map((name) => ({ name, path: `${folder}/${name}` }))
}

function isHeld(name: string): boolean {
  const [, holder = ''] = /\.part-(\d+)-/.exec(name) ?? []
  return holder !== '0' && isRunning(Number(holder))
}

async function readText(path: string): Promise<string> {
  const file = await open(path)
  try {
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

// Whoever changes a file changes its times, also where they put the size and one of them back.
async function stampFile(path: string) {
  const { size, ino, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
  return { size: Number(size), text: [size, ino, mtimeNs, ctimeNs].join(' ') }
}
