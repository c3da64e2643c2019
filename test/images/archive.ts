/** What is in an archive, read by another hand than ours. */

import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { createTarDecoder } from 'modern-tar'

/** The files of an archive by name. */
export async function readArchive(path: string): Promise<Map<string, Buffer>> {
  const source = Readable.toWeb(createReadStream(path)) as ReadableStream<Uint8Array>
  const files = new Map<string, Buffer>()
  for await (const { header, body } of source.pipeThrough(createTarDecoder({ strict: true }))) {
    files.set(header.name, await buffer(Readable.fromWeb(body as never)))
  }
  return files
}
