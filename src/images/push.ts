/** Pushes an image out of an archive or a folder: blobs first, the index last. */

import { rm } from 'node:fs/promises'
import { UserError } from '../domain/errors.ts'
import { formatReference, type Reference } from '../domain/reference.ts'
import type { Client } from './client.ts'
import type { Document } from './manifest.ts'
import { inParallel } from './parallel.ts'
import type { Platform } from './platform.ts'
import type { Outcome, ProgressEvent, Report } from './progress.ts'
import { RegistryError } from './refusal.ts'
import { keeping } from './retry.ts'
import { temporaryFolder } from './sink.ts'
import { seekable } from './spool.ts'
import { type Blob, type Cargo, openSource, pickImage } from './source.ts'
import { uploadBlob } from './upload.ts'

export type PushOptions = {
  /** What is pushed: an archive or a folder. */
  readonly path: string
  readonly reference: Reference
  readonly client: Client
  /** Which image of several, by its name in the archive. */
  readonly tag?: string
  /** Only this one of several platforms. */
  readonly platform?: Platform
  /** Repositories of the same registry that may have some of the layers. */
  readonly mountFrom?: readonly string[]
  readonly report?: Report
}

/** What was pushed. */
export type Pushed = {
  readonly digest: string
  readonly mediaType: string
  /** Of the blobs together, in bytes. */
  readonly size: number
  readonly blobs: Readonly<Record<Exclude<Outcome, 'downloaded' | 'cached'>, number>>
}

const AT_ONCE = 6

/** Pushes. The tag is set once everything below it is there. */
export async function pushImage(options: PushOptions): Promise<Pushed> {
  const { client, path, platform } = options
  const { signal } = client.options
  const made = temporary()
  try {
    const file = await seekable(path, { folder: made.folder, signal })
    const image = pickImage(await openSource(file, path), options.tag, path)
    const cargo = await image.open({ platform, signal, folder: made.folder })
    return await keeping(() => pushCargo(cargo, options))
  } finally {
    await made.clear()
  }
}

async function pushCargo(cargo: Cargo, options: PushOptions): Promise<Pushed> {
  const { client, reference, mountFrom = [], report = () => {} } = options
  const { signal } = client.options
  const { repository, tag, digest } = reference
  const called = tag ?? digest ?? 'latest'
  const root = cargo.documents.at(-1)
  if (!root) throw new UserError('IMAGE', `${options.path}: no image is in it`)
  if (digest !== undefined && digest !== root.digest) {
    const where = formatReference(reference)
    throw new UserError('IMAGE', `${where}: what the archive has is ${root.digest}`)
  }
  report({ kind: 'plan', blobs: cargo.blobs.map(sizeOf) })
  const { counts, counting } = counter(cargo.blobs, report)
  if (await isThere(root, options, called)) {
    cargo.blobs.forEach((blob) => counting({ kind: 'done', digest: blob.digest, how: 'present' }))
  } else {
    const sorted = [...cargo.blobs].sort((a, b) => b.size - a.size)
    await inParallel(sorted, { count: AT_ONCE, signal }, (blob, until) =>
      uploadBlob({ client, repository, blob, mountFrom, report: counting, signal: until }),
    )
    for (const document of cargo.documents) {
      const name = document === root ? called : document.digest
      await putDocument(document, name, options)
    }
  }
  const size = cargo.blobs.reduce((sum, blob) => sum + blob.size, 0)
  return { digest: root.digest, mediaType: root.mediaType, size, blobs: counts }
}

// Where it stands is nobody else's.
function sizeOf({ digest, size }: Blob): Pick<Blob, 'digest' | 'size'> {
  return { digest, size }
}

// A registry takes a manifest only when it has all that is below it.
async function isThere(
  { digest }: Document,
  { client, reference }: PushOptions,
  name: string,
): Promise<boolean> {
  const ask = {
    method: 'HEAD',
    repository: reference.repository,
    path: `manifests/${name}`,
    headers: { Accept: '*/*' },
    expect: [200, 404],
  } as const
  // Whoever may push need not be allowed to read.
  const answer = await client.ask(ask).catch((error: unknown) => {
    if (error instanceof RegistryError && error.status === 403) return undefined
    throw error
  })
  answer?.skip()
  return answer?.status === 200 && answer.headers['docker-content-digest'] === digest
}

async function putDocument(
  { bytes, mediaType }: Document,
  name: string,
  { client, reference }: PushOptions,
): Promise<void> {
  const answer = await client.ask({
    method: 'PUT',
    repository: reference.repository,
    path: `manifests/${name}`,
    headers: { 'Content-Type': mediaType, 'Content-Length': bytes.length },
    body: () => bytes,
    expect: [201],
  })
  answer.skip()
}

function counter(blobs: readonly Blob[], report: Report) {
  const counts = { uploaded: 0, present: 0, mounted: 0 }
  const sizes = new Map(blobs.map(({ digest, size }) => [digest, size]))
  const counting = (event: ProgressEvent) => {
    // What need not be sent is as good as sent, so that all bytes make up the sizes.
    if (event.kind === 'done' && event.how !== 'uploaded') {
      report({ kind: 'bytes', digest: event.digest, bytes: sizes.get(event.digest) ?? 0 })
    }
    if (event.kind === 'done' && event.how in counts) counts[event.how as keyof typeof counts] += 1
    report(event)
  }
  return { counts, counting }
}

function temporary() {
  let made: Promise<string> | undefined
  return {
    folder: () => (made ??= temporaryFolder()),
    clear: async () => {
      if (made) await rm(await made, { recursive: true, force: true })
    },
  }
}
