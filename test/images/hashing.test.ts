/** Digests that are made piece by piece, some of them on a thread of their own. */

import { createHash, randomBytes } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { type Hashing, openHashing } from '../../src/images/hashing.ts'

const MIB = 1024 * 1024
// Beyond what is worth a thread, the blob no multiple of a piece.
const LARGE_IMAGE = 1000 * MIB
const LARGE = 20 * MIB + 7

let open: Hashing | undefined
afterEach(() => open?.close())

function hashing(): Hashing {
  return (open = openHashing(LARGE_IMAGE))
}

describe.each([
  ['a small blob', 1000],
  ['an empty blob', 0],
  ['a blob of some pieces', 3 * MIB + 1],
  ['a large blob', LARGE],
])('%s', (_, size) => {
  it('has the digest of its bytes', async () => {
    const bytes = randomBytes(size)
    expect(await digestOf(bytes, hashing())).toBe(expected(bytes))
  })
})

describe('blobs at once', () => {
  it('are kept apart', async () => {
    const shared = hashing()
    const all = [LARGE, 1000, LARGE + 1, LARGE + 2].map((size) => randomBytes(size))
    const digests = await Promise.all(all.map((bytes) => digestOf(bytes, shared)))
    expect(digests).toEqual(all.map(expected))
  })
})

describe('the memory of a piece', () => {
  it('is used again, whatever blob it was of', () => {
    const { take, give } = hashing()
    const piece = take(LARGE)
    give(piece)
    expect(take(2 * LARGE)).toBe(piece)
  })

  it('is no more than a small blob takes', () => {
    const { take, give } = hashing()
    const piece = take(1000)
    expect(piece.length).toBe(1000)
    give(piece)
    expect(take(LARGE).length).toBeGreaterThan(1000)
  })
})

describe('the thread', () => {
  it('leaves no one waiting once it has ended', async () => {
    const { open: begin, take, close } = hashing()
    const digesting = begin(LARGE)
    await digesting.update(take(LARGE))
    const digest = digesting.digest()
    close()
    await Promise.allSettled([digest])
    await expect(digesting.update(take(LARGE))).rejects.toThrow(/has ended/)
  })
})

/** As layers are: in memory that is used again once a piece is read. */
async function digestOf(bytes: Buffer, { open: begin, take, give }: Hashing): Promise<string> {
  const digesting = begin(bytes.length)
  const updates: Promise<void>[] = []
  for (let at = 0; at < bytes.length;) {
    const piece = take(bytes.length)
    const count = bytes.copy(piece, 0, at)
    at += count
    updates.push(digesting.update(piece.subarray(0, count)).then(() => give(piece)))
  }
  await Promise.all(updates)
  return await digesting.digest()
}

function expected(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
