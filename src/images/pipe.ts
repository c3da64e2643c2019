/** An archive into a pipe: its parts come in any order, so it is made in a file first. */

import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from './codes.ts'
import { explainWrite, temporaryFolder } from './sink.ts'

const SIZE = 1024 * 1024

/** Has a file made, and hands on its bytes in their order. `undefined` where its reader went before its end. */
export async function pipeOut<T>(
  { stdoutBytes }: { readonly stdoutBytes: (bytes: Uint8Array) => void },
  make: (path: string) => Promise<T>,
): Promise<T | undefined> {
  const writeOut = (bytes: Buffer) => {
    try {
      stdoutBytes(bytes)
      return true
    } catch (error) {
      if (codeOf(error) === 'EPIPE') return false
      throw explainWrite(error, 'stdout')
    }
  }
  const folder = await temporaryFolder()
  try {
    const path = join(folder, 'archive.tar')
    const made = await make(path)
    const file = await open(path)
    try {
      const buffer = Buffer.alloc(SIZE)
      for (let at = 0; ;) {
        const { bytesRead } = await file.read(buffer, 0, SIZE, at)
        if (bytesRead === 0) return made
        if (!writeOut(buffer.subarray(0, bytesRead))) return undefined
        at += bytesRead
      }
    } finally {
      await file.close()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
