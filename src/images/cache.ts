/**
 * Layers on disk, by digest, for the next pull. What has a name here was held against it when it
 * came in; a file that was touched since is one that is not here.
 */

import { constants, rmSync } from 'node:fs'
import {
  access,
  type FileHandle,
  open,
  readdir,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { privateFolder } from '../io/files.ts'
import { codeOf } from './connection.ts'
import { hexOf } from './digest.ts'
import { holderMark, isRunning } from './drafts.ts'
import { sinkIn, type Sink } from './sink.ts'

/** A blob on its way in. */
export type Part = Sink & {
  /** Becomes one file with an output, where that can be, so that each byte is written once. */
  readonly share: (output: Sink) => Promise<void>
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
  /** Takes note of links to a blob that we have made, or given their names. */
  readonly noteLinks: (digest: string) => Promise<void>
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
    const [stamp, known] = await Promise.all([stampFile(path), readStamp(path)])
    if (stamp.size !== size || !isUntouched(known, stamp)) return undefined
    await access(path, constants.R_OK)
    if (known.ctime === stamp.ctime) await utimes(`${path}.stamp`, now / 1000, now / 1000)
    else await writeStamp(path, stamp, now)
    return path
  } catch {
    return undefined
  }
}

async function noteLinks(path: string, now: number): Promise<void> {
  try {
    const [stamp, known] = await Promise.all([stampFile(path), readStamp(path)])
    if (stamp.content === known.content) await writeStamp(path, stamp, now)
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
const READ_SIZE = 1024 * 1024

// Nobody but who has made a part writes to it, since it may be one file with a blob in a folder. So
// two pulls at once have a part each, and what an earlier run has left is read and written anew.
async function openPart(folder: string, hex: string, now: () => number): Promise<Part> {
  const left = await takeLeft(folder, hex)
  const path = partPath(folder, hex)
  const file = await open(path, 'wx', 0o600)
  return partIn(file, { path, left, name: `${folder}/${hex}`, now })
}

// One that nobody holds any more is taken over by renaming it, which only one can do.
async function takeLeft(folder: string, hex: string): Promise<string | undefined> {
  const found = (await partsIn(folder)).filter(
    ({ name }) => name.startsWith(`${hex}.`) && !isHeld(name),
  )
  const sized = await Promise.allSettled(
    found.map(async ({ path }) => ({ path, size: (await stat(path)).size })),
  )
  const left = sized.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  for (const { path } of left.toSorted((a, b) => b.size - a.size)) {
    const own = partPath(folder, hex)
    const isTaken = await rename(path, own).then(
      () => true,
      () => false,
    )
    if (isTaken) return own
  }
  return undefined
}

function partPath(folder: string, name: string): string {
  return `${folder}/${name}.part-${holderMark()}`
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
  let isShared = false
  const sink = sinkIn(file, path)
  const dropLeft = async () => {
    if (left !== undefined) await rm(left, { force: true })
  }
  return {
    async share(output) {
      isShared = (await output.link?.(path)) ?? false
    },
    async write(buffers, at) {
      if (isBroken || isShared) return
      // The image matters, and its cache does not.
      await sink.write(buffers, at).catch(() => {
        isBroken = true
        rmSync(path, { force: true })
      })
    },
    async replay(take) {
      const bytes = left === undefined ? 0 : await readAll(left, take)
      await dropLeft()
      return bytes
    },
    async empty() {
      await dropLeft()
      await file.truncate(0)
    },
    async keep() {
      await file.close()
      if (isBroken) return
      try {
        await rename(path, name)
        await writeStamp(name, await stampFile(name), now())
      } catch (error) {
        ifGone(error)
      }
    },
    async leave() {
      await file.close()
      for (const one of left === undefined ? [path] : [path, left]) {
        await rename(one, one.replace(/-\d+-(?=\d+$)/, '-0-')).catch(ifGone)
      }
    },
  }
}

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

type Stamp = { readonly content: string; readonly links: string; readonly ctime: string }

// Whoever changes a file changes its times, also where they put the size and one of them back.
async function stampFile(path: string): Promise<Stamp & { readonly size: number }> {
  const { size, ino, uid, mtimeNs, nlink, ctimeNs } = await stat(path, { bigint: true })
  return {
    size: Number(size),
    content: [size, ino, uid, mtimeNs].join(' '),
    links: String(nlink),
    ctime: String(ctimeNs),
  }
}

// With a folder that has a link to it being removed, its ctime changes, too.
function isUntouched(known: Stamp, found: Stamp): boolean {
  const isSame = known.links === found.links ? known.ctime === found.ctime : true
  return known.content === found.content && isSame
}

async function readStamp(path: string): Promise<Stamp> {
  const [content = '', links = '', ctime = ''] = (await readText(`${path}.stamp`)).split('\n')
  return { content, links, ctime }
}

// Whole at once: another pull that reads half of one would load the blob anew.
async function writeStamp(path: string, stamp: Stamp, now: number): Promise<void> {
  const draft = partPath(dirname(path), `stamp-${basename(path)}`)
  await writeFile(draft, [stamp.content, stamp.links, stamp.ctime].join('\n'), { mode: 0o600 })
  await utimes(draft, now / 1000, now / 1000)
  await rename(draft, `${path}.stamp`)
}
