/** The files of an archive or a folder, by their names in it. */

import { createReadStream } from 'node:fs'
import { lstat, open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { UserError } from '../domain/errors.ts'
import { codeOf } from './connection.ts'
import { digestIn, openDigest } from './digest.ts'
import { readTar } from './tar.ts'

/** Where a file's bytes are: in a file of their own, or in an archive. */
export type Place = { readonly path: string; readonly offset: number; readonly size: number }

export type Files = {
  /** As it was named by the user. */
  readonly path: string
  readonly find: (name: string) => Place | undefined
}

/** Opens an archive or a folder; `name` is what the user calls it. */
export async function openFiles(path: string, name = path): Promise<Files> {
  const there = await stat(path).catch((error: unknown) => {
    throw new UserError('IMAGE', `${name}: it can't be read (${codeOf(error)})`, { cause: error })
  })
  const places = there.isDirectory() ? await listFolder(path) : await listArchive(path, name)
  return { path: name, find: (entry) => places.get(entry) }
}

/** All of a place, to be read as a stream. */
export function readPlace({ path, offset, size }: Place): Readable {
  // A range of nothing would be read as one of everything.
  if (size === 0) return Readable.from([])
  const end = offset + size - 1
  return createReadStream(path, { start: offset, end, highWaterMark: READ_SIZE })
}

/**
 * Hands on some bytes of a place piece by piece, the next of which is read meanwhile. A piece is
 * overwritten once it was taken: to sweep up after a new one each time takes a fifth of a push.
 */
export async function pourPlace(
  { path, offset }: Place,
  { from, length }: Span,
  take: (piece: Buffer) => Promise<void>,
): Promise<void> {
  const file = await open(path)
  try {
    let [filling, other] = [newPiece(length), newPiece(length)]
    let taking = Promise.resolve()
    for (let at = 0; at < length;) {
      const most = Math.min(filling.length, length - at)
      const { bytesRead } = await file.read(filling, 0, most, offset + from + at)
      if (bytesRead === 0) throw new UserError('IMAGE', `${path}: it became shorter meanwhile`)
      await taking
      taking = take(filling.subarray(0, bytesRead))
      taking.catch(() => {})
      at += bytesRead
      ;[filling, other] = [other, filling]
    }
    await taking
  } finally {
    await file.close()
  }
}

/** Some bytes of a place. */
export type Span = { readonly from: number; readonly length: number }

/** All of a place that is small. */
export async function readBytes({ path, offset, size }: Place): Promise<Buffer> {
  const file = await open(path)
  try {
    const bytes = Buffer.alloc(size)
    await file.read(bytes, 0, size, offset)
    return bytes
  } finally {
    await file.close()
  }
}

/** The digest of what is there. */
export async function digestAt(place: Place): Promise<string> {
  const hash = openDigest()
  for await (const chunk of readPlace(place) as AsyncIterable<Buffer>) hash.update(chunk)
  return digestIn(hash)
}

const READ_SIZE = 512 * 1024

function newPiece(length: number): Buffer {
  return Buffer.allocUnsafe(Math.min(READ_SIZE, length))
}

async function listArchive(path: string, called: string): Promise<ReadonlyMap<string, Place>> {
  const file = await open(path)
  try {
    const index = await readTar(file, called)
    return new Map([...index].map(([name, entry]) => [name, { path, ...entry }]))
  } finally {
    await file.close()
  }
}

async function listFolder(folder: string): Promise<ReadonlyMap<string, Place>> {
  const names = await readdir(folder, { recursive: true })
  const places = names.map(async (name) => {
    const path = join(folder, name)
    // A link may lead anywhere.
    const { size, ...facts } = await lstat(path)
    const place: Place = { path, offset: 0, size }
    return facts.mode !== undefined && isPlain(facts.mode)
      ? ([[name.replaceAll('\\', '/'), place]] as const)
      : []
  })
  return new Map((await Promise.all(places)).flat())
}

// The kind of a file in its mode, and that of a plain one (inode(7)).
function isPlain(mode: number): boolean {
  return (mode & 0o170000) === 0o100000
}
