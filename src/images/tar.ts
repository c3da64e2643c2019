/** Tar archives: headers for what is written, an index of what is read. */

import type { FileHandle } from 'node:fs/promises'
import { UserError } from '../domain/errors.ts'

/** POSIX's unit; a file's end is filled up to one. */
export const BLOCK = 512

/** The header of a plain file. Names of ours have fewer than 100 characters. */
export function tarHeader(name: string, size: number): Buffer {
  const header = Buffer.alloc(BLOCK)
  header.write(name, 0, 100, 'latin1')
  header.write('0000644\x000000000\x000000000\0', 100, 'latin1')
  header.write(sizeField(size), 124, 'latin1')
  header.write('00000000000\0', 136, 'latin1')
  header.write('        0', 148, 'latin1')
  header.write('ustar\x0000', 257, 'latin1')
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return header
}

/** How far a file of this size reaches, filled up. */
export function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK
}

// Past eight gigabytes a size is binary, as GNU tar and Go write it.
function sizeField(size: number): string {
  if (size < 8 ** 11) return `${size.toString(8).padStart(11, '0')}\0`
  const field = Buffer.alloc(12)
  field[0] = 0x80
  field.writeBigUInt64BE(BigInt(size), 4)
  return field.toString('latin1')
}

export type TarEntry = { readonly offset: number; readonly size: number }

/** Where the plain files of an archive stand, links between them followed. */
export type TarIndex = ReadonlyMap<string, TarEntry>

type Found = {
  readonly files: Map<string, TarEntry>
  readonly links: Map<string, string>
}

/**
 * Reads through the headers of an archive. A UserError of code IMAGE tells of one that ends early,
 * of names that lead out of it or come twice, and of links to what is not in it.
 */
export async function readTar(file: FileHandle, path: string): Promise<TarIndex> {
  const { size: length } = await file.stat()
  const found: Found = { files: new Map(), links: new Map() }
  let more: Extension = {}
  for (let at = 0; ;) {
    const header = await readBlock(file, at, path)
    if (header.every((byte) => byte === 0)) break
    const { type, name, size, link } = readHeader(header, path, at)
    const offset = at + BLOCK
    if (!(size >= 0)) throw damaged(path, at)
    if (offset + size > length) throw truncated(path)
    at = offset + padded(size)
    if (EXTENSIONS.includes(type)) {
      more = { ...more, ...(await readExtension(file, { offset, size }, type)) }
      continue
    }
    // Not the header's: an extension may tell another, and then where the next one is, too.
    const real = more.size ?? size
    if (!(real >= 0)) throw damaged(path, at)
    if (offset + real > length) throw truncated(path)
    at = offset + padded(real)
    const entry = { offset, size: real }
    add(found, { type, name: more.name ?? name, link: more.link ?? link, entry }, path)
    more = {}
  }
  return followLinks(found, path)
}

/** Reads a small file of an archive whole. */
export async function readEntry(file: FileHandle, { offset, size }: TarEntry): Promise<Buffer> {
  const bytes = Buffer.alloc(size)
  await file.read(bytes, 0, size, offset)
  return bytes
}

type Extension = { readonly name?: string; readonly link?: string; readonly size?: number }

// Of PAX, for one file and for all that follow; GNU's for long names and links.
const EXTENSIONS = ['x', 'g', 'L', 'K']
const EXTENSION_LIMIT = 1024 * 1024

async function readBlock(file: FileHandle, at: number, path: string): Promise<Buffer> {
  const block = Buffer.alloc(BLOCK)
  const { bytesRead } = await file.read(block, 0, BLOCK, at)
  if (bytesRead === BLOCK) return block
  throw at === 0 && bytesRead > 0 ? noTar(path, block) : truncated(path)
}

function readHeader(header: Buffer, path: string, at: number) {
  const told = Number.parseInt(textAt(header, 148, 8), 8)
  const sum = header.reduce((total, byte, index) => {
    return total + (index >= 148 && index < 156 ? 0x20 : byte)
  }, 0)
  if (told !== sum) {
    if (at > 0) throw damaged(path, at)
    throw noTar(path, header)
  }
  const prefix = textAt(header, 257, 6).startsWith('ustar') ? textAt(header, 345, 155) : ''
  const name = textAt(header, 0, 100)
  const type = String.fromCharCode(header[156] ?? 0)
  return {
    type: type === '\0' ? '0' : type,
    // GNU's own headers have other things where POSIX has the prefix.
    name: prefix !== '' && textAt(header, 257, 8) === 'ustar' ? `${prefix}/${name}` : name,
    size: readSize(header),
    link: textAt(header, 157, 100),
  }
}

function readSize(header: Buffer): number {
  if ((header[124] ?? 0) & 0x80) return Number(header.readBigUInt64BE(128))
  return Number.parseInt(textAt(header, 124, 12).trim() || '0', 8)
}

function textAt(header: Buffer, start: number, length: number): string {
  const field = header.subarray(start, start + length)
  const end = field.indexOf(0)
  return field.subarray(0, end === -1 ? length : end).toString('utf8')
}

async function readExtension(file: FileHandle, entry: TarEntry, type: string): Promise<Extension> {
  if (type === 'g' || entry.size > EXTENSION_LIMIT) return {}
  const bytes = await readEntry(file, entry)
  const text = bytes.toString('utf8').replace(/\0+$/, '')
  if (type === 'L') return { name: text }
  if (type === 'K') return { link: text }
  const records = new Map<string, string>()
  for (let at = 0; at < bytes.length;) {
    const length = Number.parseInt(bytes.subarray(at, at + 20).toString('latin1'), 10)
    if (!(length > 0)) break
    const record = bytes.subarray(at, at + length).toString('utf8')
    const [, key = '', value = ''] = /^\d+ ([^=]+)=([\s\S]*)\n$/.exec(record) ?? []
    records.set(key, value)
    at += length
  }
  const [name, link, size] = ['path', 'linkpath', 'size'].map((key) => records.get(key))
  return {
    ...(name !== undefined && { name }),
    ...(link !== undefined && { link }),
    ...(size !== undefined && { size: Number(size) }),
  }
}

type Given = {
  readonly type: string
  readonly name: string
  readonly link: string
  readonly entry: TarEntry
}

function add({ files, links }: Found, given: Given, path: string): void {
  const name = normalise(given.name)
  if (given.type === '5') return
  if (name === undefined) throw refused(path, given.name, 'leads out of the archive')
  if (files.has(name) || links.has(name)) throw refused(path, given.name, 'is there twice')
  if (given.type === '0') files.set(name, given.entry)
  // docker save writes a layer once and links to it; a hard link names its target from the top.
  else if (given.type === '2') links.set(name, `${name}/../${given.link}`)
  else if (given.type === '1') links.set(name, given.link)
  else throw refused(path, given.name, 'is neither a file nor a folder')
}

function followLinks({ files, links }: Found, path: string): TarIndex {
  for (const [name, target] of links) {
    const seen = normalise(target) ?? ''
    const entry = target.includes('//') ? undefined : files.get(seen)
    if (!entry) throw refused(path, name, 'is a link to what is no file of the archive')
    files.set(name, entry)
  }
  return files
}

/** The name without `.` and `..`; `undefined` where it leads out. */
function normalise(name: string): string | undefined {
  if (name.startsWith('/') || name.includes('\\') || name.includes('\0')) return undefined
  const parts: string[] = []
  for (const part of name.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') parts.push(part)
    else if (parts.pop() === undefined) return undefined
  }
  return parts.join('/')
}

// By how they begin, and what unpacks them.
const COMPRESSED = [
  ['1f8b', 'gunzip -c'],
  ['28b52ffd', 'zstd -dc'],
  ['fd377a58', 'xz -dc'],
  ['425a68', 'bzip2 -dc'],
] as const

function noTar(path: string, beginning: Buffer): UserError {
  const hex = beginning.toString('hex', 0, 4)
  const [, unpack] = COMPRESSED.find(([magic]) => hex.startsWith(magic)) ?? []
  const reason = unpack
    ? `it is compressed; unpack it on the way: ${unpack} < FILE | ecr-cname push - REF`
    : 'it is no tar archive'
  return new UserError('IMAGE', `${path}: ${reason}`)
}

function truncated(path: string): UserError {
  return new UserError('IMAGE', `${path}: the archive ends early; copy or save it anew`)
}

function damaged(path: string, at: number): UserError {
  return new UserError('IMAGE', `${path}: the archive is damaged at byte ${at}`)
}

function refused(path: string, name: string, reason: string): UserError {
  return new UserError('IMAGE', `${path}: ${JSON.stringify(name)} ${reason}`)
}
