/** An image of many layers, half of noise and half of text, in an emulated ECR. */

import { createHash, randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { padded, tarHeader } from '../../src/images/tar.ts'
import type { Emulator } from './emulator.ts'
import { createSend, pushBlob } from './registry-client.ts'

export const LAYERS = 13

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const CONFIG = 'application/vnd.oci.image.config.v1+json'
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip'
const TEXT = Buffer.from('All that is compressible is half of an image. '.repeat(2000))

/** Pushes it as `<repository>:1`. */
export async function makeImage(
  emulator: Emulator,
  authorization: string,
  repository: string,
  size: number,
): Promise<void> {
  await emulator.createRepository(repository)
  const send = createSend(emulator)
  const url = `https://${emulator.registry.host}/v2/${repository}`
  const put = async (mediaType: string, bytes: Buffer) => {
    const { status } = await pushBlob(send, authorization, url, bytes)
    if (status !== 201) throw new Error(`a blob was not taken: ${status}`)
    return { mediaType, digest: digestOf(bytes), size: bytes.length }
  }
  const layers = []
  const diffIds: string[] = []
  for (let index = 0; index < LAYERS; index++) {
    // From a third to five thirds of the mean.
    const share = Math.round((size / LAYERS) * (1 / 3 + (4 / 3) * (index / (LAYERS - 1))))
    const noise = randomBytes(Math.round(share / 2))
    const body = Buffer.concat([noise, Buffer.alloc(share - noise.length, TEXT)])
    const tail = Buffer.alloc(padded(body.length) - body.length + 1024)
    const tar = Buffer.concat([tarHeader(`file-${index}`, body.length), body, tail])
    diffIds.push(digestOf(tar))
    layers.push(await put(LAYER, gzipSync(tar, { level: 1 })))
  }
  const facts = { os: 'linux', architecture: 'amd64', config: {} }
  const image = JSON.stringify({ ...facts, rootfs: { type: 'layers', diff_ids: diffIds } })
  const config = await put(CONFIG, Buffer.from(image))
  const body = JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config, layers })
  const headers = { authorization, 'content-type': MANIFEST }
  const { status } = await send('PUT', `${url}/manifests/1`, { headers, body })
  if (status !== 201) throw new Error(`the manifest was not taken: ${status}`)
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
