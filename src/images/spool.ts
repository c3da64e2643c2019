/** An archive out of a pipe, laid on disk first: what is pushed is read more than once. */

import { createReadStream, createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
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
  const copy = join(await folder(), 'archive.tar')
  const source = path === '-' ? createReadStream('', { fd: 0 }) : createReadStream(path)
  try {
    await pipeline(source, createWriteStream(copy, { flags: 'wx', mode: 0o600 }), { signal })
    return copy
  } catch (error) {
    throw signal.aborted ? stopped() : explainWrite(error, copy)
  }
}
