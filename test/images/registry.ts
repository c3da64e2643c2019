/** An emulated ECR with images in it, and a client of it that needs no DNS. */

import { randomBytes } from 'node:crypto'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { onTestFinished } from 'vitest'
import { type Client, type ClientOptions, openClient } from '../../src/images/client.ts'
import type { Site } from '../../src/images/doors.ts'
import { digestOf } from '../../src/images/digest.ts'
import type { Credentials } from '../../src/images/login.ts'
import { type Descriptor, TYPES } from '../../src/images/manifest.ts'
import type { Pace } from '../../src/images/retry.ts'
import { tarHeader, padded } from '../../src/images/tar.ts'
import type { Emulator, EmulatorOptions } from '../emulator/emulator.ts'
import { createSend, pushBlob, type Send } from '../emulator/registry-client.ts'
import { logInTo } from '../emulator/running.ts'
import { CNAME, ECR, emulated } from '../support/user.ts'
import { trust } from '../support/trust.ts'

export { CNAME, ECR }
export const REPOSITORY = 'team/app'
export const IMAGE = `${CNAME}/${REPOSITORY}`

export type Registry = {
  readonly emulator: Emulator
  readonly send: Send
  readonly authorization: string
  readonly site: Site & { readonly connect: { readonly host: string; readonly port: number } }
  readonly credentials: Credentials
  readonly client: (options?: Partial<ClientOptions>) => Client
}

/** Waits of no length, so that no test takes real seconds. */
export const AT_ONCE: Pace = {
  now: () => Date.now(),
  random: () => 0,
  after: (_, act) => {
    const soon = setImmediate(act)
    return () => clearImmediate(soon)
  },
}

/** An emulator with one empty repository, whose layers are where no DNS is needed to find them. */
export async function startRegistry(options: EmulatorOptions = {}): Promise<Registry> {
  const settings = { bucketHost: '127.0.0.1', ...options.settings }
  const emulator = await emulated({ ...options, settings })
  await emulator.createRepository(REPOSITORY)
  trust(emulator.caFile)
  const send = createSend(emulator)
  const authorization = await logInTo(emulator)
  const { registry, port } = { registry: emulator.registry.host, port: emulator.registry.port }
  const connect = { host: '127.0.0.1', port }
  const site = { name: { host: CNAME }, registry, connect }
  const credentials: Credentials = async () => {
    const { clockOffsetMs: systemClockOffset } = emulator.settings
    return readBasic(await logInTo(emulator, { systemClockOffset }))
  }
  emulator.calls.length = 0
  return {
    emulator,
    send,
    authorization,
    site,
    credentials,
    client: (more) => {
      const { signal } = new AbortController()
      const client = openClient({ site, credentials, pace: AT_ONCE, signal, ...more })
      onTestFinished(client.close)
      return client
    },
  }
}

/** The mapping of a user's configuration that leads to the emulator. */
export function mappingTo({ emulator }: Registry) {
  const { host, port } = emulator.registry
  return { registries: { [CNAME]: { registry: host, connect: `127.0.0.1:${port}` } } }
}

export function readBasic(authorization: string) {
  const [username = '', secret = ''] = atob(authorization.replace('Basic ', '')).split(':')
  return { username, secret }
}

export type Layer = {
  readonly bytes: Buffer
  readonly diffId: string
  readonly mediaType: string
}

const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar'

/** A layer with one file of random bytes. */
export function makeLayer(size = 1000, compression: 'gzip' | 'zstd' | 'none' = 'gzip'): Layer {
  const content = randomBytes(size)
  const tar = Buffer.concat([
    tarHeader(`file-${content.toString('hex', 0, 6)}`, size),
    content,
    Buffer.alloc(padded(size) - size + 1024),
  ])
  const compress = { gzip: gzipSync, zstd: zstdCompressSync, none: (bytes: Buffer) => bytes }
  const suffix = compression === 'none' ? '' : `+${compression}`
  return {
    bytes: Buffer.from(compress[compression](tar)),
    diffId: digestOf(tar),
    mediaType: `${OCI_LAYER}${suffix}`,
  }
}

export type Made = {
  readonly digest: string
  readonly bytes: Buffer
  readonly config: Buffer
  readonly layers: readonly Layer[]
  readonly descriptor: Descriptor
}

export type ImageOptions = {
  readonly layers?: readonly Layer[]
  readonly platform?: {
    readonly os: string
    readonly architecture: string
    readonly variant?: string
  }
  readonly repository?: string
  readonly docker?: boolean
  /** Changes the manifest before it is pushed. */
  readonly alter?: (manifest: Record<string, unknown>) => Record<string, unknown>
}

/** Pushes an image; without a tag by its digest. */
export async function pushImage(
  registry: Registry,
  tag: string | undefined,
  options: ImageOptions = {},
): Promise<Made> {
  const { layers = [makeLayer(), makeLayer(200_000)], repository = REPOSITORY } = options
  const platform = options.platform ?? { os: 'linux', architecture: 'amd64' }
  const config = Buffer.from(
    JSON.stringify({
      ...platform,
      config: { Cmd: ['/bin/sh'] },
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    }),
  )
  const url = `https://${registry.emulator.registry.host}/v2/${repository}`
  for (const bytes of [config, ...layers.map((layer) => layer.bytes)]) {
    await pushBlob(registry.send, registry.authorization, url, bytes)
  }
  const type = options.docker ? TYPES.dockerManifest : TYPES.ociManifest
  const manifest: Record<string, unknown> = {
    schemaVersion: 2,
    mediaType: type,
    config: toDescriptor(options.docker ? TYPES.dockerConfig : TYPES.ociConfig, config),
    layers: layers.map((layer) =>
      toDescriptor(options.docker ? TYPES.dockerLayer : layer.mediaType, layer.bytes),
    ),
  }
  const bytes = Buffer.from(JSON.stringify(options.alter?.(manifest) ?? manifest))
  await putManifest(registry, { tag, type, bytes, repository })
  return {
    digest: digestOf(bytes),
    bytes,
    config,
    layers,
    descriptor: { ...toDescriptor(type, bytes), platform },
  }
}

/** Pushes an index of images that are there. */
export async function pushIndex(
  registry: Registry,
  tag: string,
  manifests: readonly Descriptor[],
): Promise<Buffer> {
  const bytes = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: TYPES.ociIndex, manifests }),
  )
  await putManifest(registry, { tag, type: TYPES.ociIndex, bytes })
  return bytes
}

type Put = {
  readonly tag: string | undefined
  readonly type: string
  readonly bytes: Buffer
  readonly repository?: string
}

export async function putManifest(
  { send, authorization, emulator }: Registry,
  { tag, type, bytes, repository = REPOSITORY }: Put,
): Promise<void> {
  const url = `https://${emulator.registry.host}/v2/${repository}/manifests/${tag ?? digestOf(bytes)}`
  const headers = { authorization, 'content-type': type }
  const { status, body } = await send('PUT', url, { headers, body: bytes })
  if (status !== 201) throw new Error(`the manifest was not taken: ${status} ${body.toString()}`)
}

export function toDescriptor(mediaType: string, bytes: Buffer): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.length }
}
