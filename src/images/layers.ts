/** Layers on their way down: counted and hashed as they come, gone on with after a cut. */

import { UserError } from '../domain/errors.ts'
import type { Client } from './client.ts'
import { shortOf } from './digest.ts'
import { openBlob } from './fetch.ts'
import type { Hashing } from './hashing.ts'
import { compressionOf, type Descriptor } from './manifest.ts'
import type { Part } from './parts.ts'
import type { Report } from './progress.ts'
import { isPassing, Passing } from './retry.ts'
import type { Sink } from './sink.ts'
import { type Incoming, pour, skipping, type Taker } from './taker.ts'

export type Download = {
  readonly client: Client
  readonly repository: string
  readonly blob: Descriptor
  /** Where it is to stand. */
  readonly output: Sink
  /** What the cache has of it so far, and takes the rest. */
  readonly part: Part | undefined
  readonly hashing: Hashing
  readonly report: Report
  readonly signal: AbortSignal
}

const MOST_WAITING = 2
// Progress that is worth starting to count tries anew.
const STEP = 1024 * 1024

/** Fetches a blob. Resolves once it is whole, written, and what its digest says. */
export async function download(order: Download): Promise<void> {
  const { blob, part } = order
  const { intake, found } = await goOn(order)
  await fetchRest(order, intake)
  if ((await intake.finish()) === blob.digest) return
  if (found === 0) throw wrongDigest(blob)
  // What an earlier run had left was not what it should be.
  await part?.empty()
  order.report({ kind: 'bytes', digest: blob.digest, bytes: -blob.size })
  const anew = createIntake(order)
  await fetchRest(order, anew)
  if ((await anew.finish()) !== blob.digest) throw wrongDigest(blob)
}

// From where an earlier run ended, or from the beginning where what it left can't be of this blob.
async function goOn(order: Download) {
  const { blob, part, report } = order
  const intake = createIntake(order)
  try {
    const found = (await part?.replay(async (chunk) => await pour(chunk, intake))) ?? 0
    report({ kind: 'bytes', digest: blob.digest, bytes: found })
    return { intake, found }
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== 'IMAGE') throw error
    await intake.settle()
    await part?.empty()
    return { intake: createIntake(order), found: 0 }
  }
}

type Intake = ReturnType<typeof createIntake>

/** Takes a blob's bytes in their order. */
function createIntake({ blob, output, part, hashing }: Download) {
  const digesting = hashing.open(blob.size)
  // One is filled while others are written.
  let filling = hashing.take(blob.size)
  let filled = 0
  let written = 0
  let waiting = 0
  let writing: Promise<void> = Promise.resolve()

  const write = async (bytes: Buffer, at: number) => {
    await Promise.all([output.write([bytes], at), part?.write([bytes], at)])
  }
  // One after the other, so that a part has no holes.
  const flush = () => {
    const [piece, bytes, at] = [filling, filling.subarray(0, filled), written]
    written += filled
    filled = 0
    filling = hashing.take(blob.size)
    waiting += 1
    const before = writing
    const act = async () => {
      await Promise.all([digesting.update(bytes), before.then(() => write(bytes, at))])
      hashing.give(piece)
      waiting -= 1
    }
    writing = act()
    writing.catch(() => {})
    return waiting > MOST_WAITING ? before : undefined
  }
  const size = () => written + filled
  return {
    size,
    room() {
      // Said too little by the manifest, or a stream without end.
      if (size() === blob.size) throw tooLong(blob)
      return filling.subarray(filled)
    },
    filled(count: number) {
      filled += count
      if (size() > blob.size) throw tooLong(blob)
      if (size() === count) checkCompression(filling.subarray(0, count), blob)
      return filled === filling.length ? flush() : undefined
    },
    /** Everything taken so far is written. */
    async settle() {
      if (filled > 0) void flush()
      await writing
    },
    async finish() {
      await this.settle()
      hashing.give(filling)
      return await digesting.digest()
    },
  }
}

async function fetchRest(order: Download, intake: Intake): Promise<void> {
  const { client, blob, repository, report, signal } = order
  const onRetry = (reason: string, waitMs: number) =>
    report({ kind: 'retry', digest: blob.digest, reason, waitMs })
  let counted = intake.size()
  await client.retrying(
    async ({ progressed }) => {
      const from = intake.size()
      if (from === blob.size) return
      const answer = await openBlob(client, repository, blob, { from, signal })
      try {
        const skip = bytesToSkip(answer, from, blob)
        await takeAll(answer, skip, intake, (bytes) => {
          report({ kind: 'bytes', digest: blob.digest, bytes })
        })
      } catch (error) {
        throw isPassing(error) ? new Passing(cut(blob, intake.size())) : error
      } finally {
        answer.drop()
        await intake.settle()
        if (intake.size() - counted >= STEP) progressed()
        counted = intake.size()
      }
      if (intake.size() < blob.size) throw new Passing(cut(blob, intake.size()))
    },
    { signal, onRetry },
  )
}

/** How much of an answer is there already; what is of another length than was told is refused. */
function bytesToSkip(answer: Incoming, from: number, blob: Descriptor): number {
  const { status, headers } = answer
  const isRest = status === 206
  const [, start] = /^bytes (\d+)-/.exec(headers['content-range'] ?? '') ?? []
  if (isRest && Number(start) !== from) throw new Passing(cut(blob, from))
  const length = headers['content-length']
  const whole = Number(length) + (isRest ? from : 0)
  if (length !== undefined && whole !== blob.size) {
    answer.drop()
    throw new UserError(
      'IMAGE',
      `layer ${shortOf(blob.digest)}: the registry has ${whole} bytes, and the manifest says ${blob.size}`,
    )
  }
  return isRest ? 0 : from
}

async function takeAll(
  answer: Incoming,
  skip: number,
  intake: Intake,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const counted: Taker = {
    room: () => intake.room(),
    filled: (count) => {
      onBytes(count)
      return intake.filled(count)
    },
  }
  await answer.into(skip > 0 ? skipping(skip, counted) : counted)
}

// What engines would choke on later, with less to say about it.
function checkCompression(first: Buffer, blob: Descriptor): void {
  const compression = compressionOf(blob)
  const magic = MAGIC[compression]
  if (first.length < magic.length || first.subarray(0, magic.length).equals(magic)) return
  throw new UserError(
    'IMAGE',
    `layer ${shortOf(blob.digest)}: it is not compressed by ${compression}, as the manifest says`,
  )
}

const MAGIC = {
  none: Buffer.of(),
  gzip: Buffer.of(0x1f, 0x8b),
  zstd: Buffer.of(0x28, 0xb5, 0x2f, 0xfd),
} as const

function tooLong({ digest, size }: Descriptor): UserError {
  return new UserError(
    'IMAGE',
    `layer ${shortOf(digest)}: the registry sends more than the ${size} bytes that the manifest says`,
  )
}

function wrongDigest({ digest }: Descriptor): UserError {
  return new UserError(
    'IMAGE',
    `layer ${shortOf(digest)}: what the registry sends is not what its digest says; push the image anew`,
  )
}

function cut({ digest, size }: Descriptor, at: number): UserError {
  return new UserError(
    'UNREACHABLE',
    `layer ${shortOf(digest)}: the connection was cut after ${at} of ${size} bytes`,
  )
}
