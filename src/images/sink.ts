/** Places that bytes are written to as they come: a part of a file, from some byte on. */

import { type FileHandle, mkdtemp, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UserError } from '../domain/errors.ts'
import { codeOf } from './codes.ts'

export type Sink = {
  /** What failures call it. */
  readonly path: string
  /** Writes at a distance from the sink's beginning. */
  readonly write: (buffers: readonly Buffer[], at: number) => Promise<void>
  /** Becomes one file with another, and takes no bytes of its own; false where that can't be. */
  readonly link?: (path: string) => boolean
}

/** A sink in an open file. */
export function sinkIn(file: FileHandle, path: string, start = 0): Sink {
  return {
    path,
    async write(buffers, at) {
      try {
        await writeAll(file, buffers, start + at)
      } catch (error) {
        throw explainWrite(error, path)
      }
    },
  }
}

const COPY_SIZE = 512 * 1024

/** Writes a file's bytes into a sink. */
export async function copyInto(sink: Sink, from: string): Promise<void> {
  const source = await open(from)
  try {
    // One that stays in the processor's cache, from its read to its write.
    const buffer = Buffer.allocUnsafe(COPY_SIZE)
    for (let at = 0; ;) {
      const { bytesRead } = await source.read(buffer, 0, COPY_SIZE, at)
      if (bytesRead === 0) return
      await sink.write([buffer.subarray(0, bytesRead)], at)
      at += bytesRead
    }
  } finally {
    await source.close()
  }
}

/** A new folder for what is needed for a while. */
export async function temporaryFolder(): Promise<string> {
  const parent = tmpdir()
  return await mkdtemp(join(parent, 'ecr-cname-')).catch((error: unknown) => {
    const line = `${parent}: it can't be written (${codeOf(error)}); name another folder in TMPDIR`
    throw new UserError('STORE', line, { cause: error })
  })
}

/** What a file that can't be written comes to, in one line. */
export function explainWrite(error: unknown, path: string): unknown {
  const code = codeOf(error)
  if (error instanceof UserError || code === '') return error
  const reason = FULL.test(code)
    ? `there is no more room (${code}); free some, or write elsewhere`
    : `it can't be written (${code})${code === 'ENOENT' ? '; is its folder there?' : ''}`
  return new UserError('STORE', `${path}: ${reason}`, { cause: error })
}

// A limit that the system sets for this process or user is as good as a full disk.
const FULL = /^(ENOSPC|EDQUOT|EFBIG)$/

async function writeAll(
  file: FileHandle,
  buffers: readonly Buffer[],
  position: number,
): Promise<void> {
  let rest = buffers
  let at = position
  while (rest.length > 0) {
    const { bytesWritten } = await file.writev(rest, at)
    at += bytesWritten
    rest = after(rest, bytesWritten)
  }
}

function after(buffers: readonly Buffer[], count: number): readonly Buffer[] {
  let left = count
  const index = buffers.findIndex((buffer) => {
    if (left < buffer.length) return true
    left -= buffer.length
    return false
  })
  if (index === -1) return []
  const [first, ...more] = buffers.slice(index)
  return first ? [first.subarray(left), ...more] : []
}
