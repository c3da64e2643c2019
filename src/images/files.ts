/** The files of an archive or a folder, by their names in it. */

import {
  closeSync,
  createReadStream,
  lstatSync,
  openSync,
  readSync,
  type Stats,
  statSync,
} from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { UserError } from '../domain/errors.ts'
import { codeOf } from './codes.ts'
import { digestIn, openDigest } from './digest.ts'
import { readTar } from './tar.ts'

/** Where a file's bytes are: in a file of their own, or in an archive. */
export type Place = { readonly path: string; readonly offset: number; readonly size: number }

export type Files = {
  /** As it was named by the user. */
  readonly path: string
  /** A plain file. */
  readonly find: (name: string) => Place | undefined
  /** The same, links in a folder followed: for what is named by its digest. */
  readonly follow: (name: string) => Place | undefined
}

/** Opens an archive or a folder; `name` is what the user calls it. */
export async function openFiles(path: string, name = path): Promise<Files> {
  const there = await stat(path).catch((error: unknown) => {
    throw unreadable(name, error)
  })
  if (there.isDirectory()) {
    return {
      path: name,
      find: (entry) => findIn(path, entry, lstatSync),
      follow: (entry) => findIn(path, entry, statSync),
    }
  }
  const places = await listArchive(path, name)
  const find = (entry: string) => places.get(entry)
  return { path: name, find, follow: find }
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
  const file = await open(path).catch((error: unknown) => {
    throw unreadable(path, error)
  })
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
export function readBytes({ path, offset, size }: Place): Buffer {
  const file = openToRead(path)
  try {
    const bytes = Buffer.alloc(size)
    readSync(file, bytes, 0, size, offset)
    return bytes
  } finally {
    closeSync(file)
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
  const file = await open(path).catch((error: unknown) => {
    throw unreadable(called, error)
  })
  try {
    const index = await readTar(file, called)
    return new Map([...index].map(([name, entry]) => [name, { path, ...entry }]))
  } finally {
    await file.close()
  }
}

// A name out of an archive may be anything, and a link may lead anywhere.
function findIn(folder: string, name: string, look: Look): Place | undefined {
  let path = folder
  const steps = name.split('/')
  for (const [index, step] of steps.entries()) {
    if (STRANGE.test(step)) return undefined
    path = join(path, step)
    const facts = factsOf(path, look)
    if (index === steps.length - 1) {
      return facts?.isFile() ? { path, offset: 0, size: facts.size } : undefined
    }
    if (!facts?.isDirectory()) return undefined
  }
  return undefined
}

type Look = typeof lstatSync

function factsOf(path: string, look: Look): Stats | undefined {
  try {
    return look(path, { throwIfNoEntry: false })
  } catch (error) {
    // A name that nothing in a folder can have.
    if (codeOf(error) === 'ENAMETOOLONG') return undefined
    throw unreadable(path, error)
  }
}

function openToRead(path: string): number {
  try {
    return openSync(path, 'r')
  } catch (error) {
    throw unreadable(path, error)
  }
}

function unreadable(path: string, error: unknown): UserError {
  return new UserError('IMAGE', `${path}: it can't be read (${codeOf(error)})`, { cause: error })
}

// What is no name in a folder, on some system.
const STRANGE = /^\.{0,2}$|[\\\0]/
