/**
 * The labels of images. They stand in the configuration, a blob that goes up before the manifest;
 * ECR hands it out only once an image refers to it, so it is looked at on its way through.
 */

import type { Reply } from './upstream.ts'
import type { Readable } from 'node:stream'
import { digestOf, isRecord } from './manifest.ts'
import { denied } from './push-rules.ts'

export type Labels = Readonly<Record<string, unknown>>

/** Labels by the digest of their configuration, which can't be of any others. */
export type LabelStore = {
  readonly find: (digest: string) => Labels | undefined
  readonly keep: (digest: string, labels: Labels) => void
}

/** Looks at a body that passes. */
export type Tap = {
  /** Told of a body that is about to be piped. */
  readonly passing: (body: Readable) => void
  /** Keeps what was seen: the registry has taken it. */
  readonly taken: () => void
}

/**
 * A tap for an upload. A configuration comes whole in one request: to ECR each part of an upload
 * but the last has 5 MiB or more. What is bigger, or no JSON object, is let go at once.
 */
export function tapLabels(store: LabelStore): Tap {
  let chunks: Buffer[] | undefined = []
  let size = 0
  return {
    passing(body) {
      body.on('data', (chunk: Buffer) => {
        if (!chunks) return
        chunks.push(chunk)
        size += chunk.length
        if (size > MOST_BYTES || chunks[0]?.[0] !== BRACE) chunks = undefined
      })
    },
    taken() {
      const bytes = Buffer.concat(chunks ?? [])
      const labels = bytes.length > 0 ? readLabels(bytes) : undefined
      if (labels) store.keep(digestOf(bytes), labels)
    },
  }
}

/**
 * The labels behind a digest: those that were seen, else from what the registry answers.
 * `undefined` for who may not even ask, whom the registry will refuse by itself.
 */
export async function findLabels(
  store: LabelStore,
  digest: string,
  ask: () => Promise<Reply>,
): Promise<Labels | undefined> {
  const seen = store.find(digest)
  if (seen) return seen
  const reply = await ask()
  if (reply.statusCode === 401) {
    discard(reply)
    return undefined
  }
  if (reply.statusCode !== 200) {
    discard(reply)
    throw unknown(digest, `the registry answered ${reply.statusCode} for it`)
  }
  const bytes = await readSome(reply)
  const labels = bytes && digestOf(bytes, digest) === digest ? readLabels(bytes) : undefined
  if (!labels) throw unknown(digest, 'what the registry has is none')
  store.keep(digest, labels)
  return labels
}

// Configurations have some kilobytes.
const MOST_BYTES = 1024 * 1024
const BRACE = 0x7b

function readLabels(bytes: Buffer): Labels | undefined {
  try {
    const json: unknown = JSON.parse(bytes.toString('utf8'))
    if (!isRecord(json)) return undefined
    const { config } = json
    const labels = isRecord(config) ? config['Labels'] : undefined
    return isRecord(labels) ? labels : {}
  } catch {
    return undefined
  }
}

async function readSome(reply: Reply): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of reply as AsyncIterable<Buffer>) {
      chunks.push(chunk)
      size += chunk.length
      if (size > MOST_BYTES) return undefined
    }
  } catch {
    return undefined
  }
  return Buffer.concat(chunks)
}

function unknown(digest: string, reason: string): Error {
  return denied(
    `labels are required, and those of the configuration ${digest} can't be told: it was not pushed through this sidecar, and ${reason}; build the image anew and push it here`,
  )
}

function discard(reply: Reply): void {
  reply.on('error', () => {})
  reply.resume()
}
