/** An archive out of a pipe, laid on disk first: what is pushed is read more than once. */

import { createReadStream, createWriteStream, fstatSync, open } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Socket } from 'node:net'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { UserError } from '../domain/errors.ts'
import { codeOf } from './codes.ts'
import { stopped } from './retry.ts'
import { explainWrite } from './sink.ts'

export type Spooling = {
  /** A folder for it. */
  readonly folder: () => Promise<string>
  readonly signal: AbortSignal
}

/** The path itself where it can be read from anywhere, else that of a copy; `-` is stdin. */
export async function seekable(path: string, { folder, signal }: Spooling): Promise<string> {
  const there = path === '-' ? undefined : await stat(path).catch(() => undefined)
  if (path !== '-' && !there?.isFIFO() && !there?.isSocket()) return path
  const source = path === '-' ? openStdin() : await openPipe(path)
  const copy = join(await folder(), 'archive.tar')
  try {
    await pipeline(source, createWriteStream(copy, { flags: 'wx', mode: 0o600 }), { signal })
  } catch (error) {
    if (signal.aborted) throw stopped()
    if ((error as NodeJS.ErrnoException).syscall !== 'read') throw explainWrite(error, copy)
    throw new UserError('IMAGE', `${path}: it can't be read (${codeOf(error)})`, { cause: error })
  }
  const { size } = await stat(copy)
  if (size > 0) return copy
  throw new UserError(
    'IMAGE',
    `${path === '-' ? 'stdin' : path}: nothing came; see what the command before the pipe says`,
  )
}

function openStdin(): Readable {
  const there = fstatSync(STDIN)
  if (there.isFIFO() || there.isSocket()) return readPipe(STDIN)
  if (there.isFile()) return createReadStream('', { fd: STDIN })
  throw new UserError(
    'USAGE',
    'push: stdin is no pipe and no file; send an archive into it: docker save app | ecr-cname push - REF',
  )
}

const STDIN = 0

async function openPipe(path: string): Promise<Readable> {
  return await new Promise((resolve, reject) => {
    open(path, (error, fd) => {
      if (error) reject(new UserError('IMAGE', `${path}: it can't be read (${error.code})`))
      else resolve(readPipe(fd))
    })
  })
}

// A read of a file can't be given up, and a pipe may be silent for ever.
function readPipe(fd: number): Readable {
  return new Socket({ fd, readable: true, writable: false })
}
