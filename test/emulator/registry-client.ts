/** A client for the registry and the bucket of an emulator, that needs no DNS. */

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { type RequestOptions, request } from 'node:https'
import { isIP } from 'node:net'
import { buffer } from 'node:stream/consumers'

import { digestOf } from './content.ts'
import type { Emulator } from './emulator.ts'

export type Answer = {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export type Ask = {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | string
}

/** Sends one request to where the emulator listens, under the name in the URL. */
export type Send = (method: string, url: string, ask?: Ask) => Promise<Answer>

/** Sends to the bucket what names its port, and everything else to the registry. */
export function createSend(emulator: Emulator): Send {
  const ca = readFileSync(emulator.caFile)
  return async (method, target, { headers = {}, body } = {}) => {
    const url = new URL(target)
    const port = url.port === '' ? emulator.registry.port : Number(url.port)
    const options: RequestOptions = {
      method,
      host: '127.0.0.1',
      port,
      // Without it node:https takes the Host, and an address is no server name.
      servername: isIP(url.hostname) ? '' : url.hostname,
      path: url.pathname + url.search,
      headers: { host: url.host, ...headers },
      ca,
      agent: false,
    }
    const asking = request(options).end(body)
    const [response] = (await once(asking, 'response')) as [IncomingMessage]
    const { statusCode: status = 0, headers: answered } = response
    return { status, headers: answered, body: await buffer(response) }
  }
}

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const CONFIG = 'application/vnd.oci.image.config.v1+json'
const LAYER = 'application/vnd.oci.image.layer.v1.tar'

/** Pushes an image of one layer; `authorization` as in the header. */
export async function pushImage(
  send: Send,
  authorization: string,
  repositoryUrl: string,
  { tag, layer }: { readonly tag: string; readonly layer: Buffer },
): Promise<{ readonly digest: string; readonly layerDigest: string; readonly answer: Answer }> {
  const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: {} }))
  for (const blob of [config, layer]) await pushBlob(send, authorization, repositoryUrl, blob)
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: descriptor(CONFIG, config),
      layers: [descriptor(LAYER, layer)],
    }),
  )
  const headers = { authorization, 'content-type': MANIFEST }
  const url = `${repositoryUrl}/manifests/${tag}`
  const answer = await send('PUT', url, { headers, body: manifest })
  return { digest: digestOf(manifest), layerDigest: digestOf(layer), answer }
}

/** Pushes a blob as containerd does: POST, then one PUT that has it all. */
export async function pushBlob(
  send: Send,
  authorization: string,
  repositoryUrl: string,
  blob: Buffer,
): Promise<Answer> {
  const headers = { authorization }
  const { headers: opened } = await send('POST', `${repositoryUrl}/blobs/uploads/`, { headers })
  const url = `${opened.location}?digest=${digestOf(blob)}`
  return send('PUT', url, { headers, body: blob })
}

const descriptor = (mediaType: string, bytes: Buffer) => ({
  mediaType,
  digest: digestOf(bytes),
  size: bytes.length,
})
