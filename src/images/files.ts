/** The files of an archive or a folder, by their names in it. */

import { createReadStream } from 'node:fs'
import { lstat, open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
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

/** Some bytes of a place, to be read as a stream. */
export function readPlace({ path, offset, size }: Place, from = 0, length = size - from): Readable {
  const start = offset + from
  // A range of nothing would be read as one of everything.
  const end = length === 0 ? { end: -1 } : { end: start + length - 1 }
  return createReadStream(path, { start, highWaterMark: READ_SIZE, ...end })
}

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
