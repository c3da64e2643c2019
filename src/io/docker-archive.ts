/** The docker.tar.gz that DC/OS and Marathon unpack beside a task. */

import { gzipSync } from 'node:zlib'
import { packTar } from 'modern-tar'

/** A config.json in its archive; the same bytes for the same text. */
export async function archiveConfig(text: string): Promise<Uint8Array> {
  const body = Buffer.from(text)
  const header = {
    name: '.docker/config.json',
    type: 'file',
    size: body.length,
    mode: 0o600,
    mtime: new Date(0),
    uid: 0,
    gid: 0,
  } as const
  const archive = gzipSync(await packTar([{ header, body }]))
  // RFC 1952: the system that made it, which is not said.
  archive[9] = 255
  return archive
}
