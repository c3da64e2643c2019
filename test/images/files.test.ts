/** Files of an archive, as a push reads them. */

import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { pourPlace, readPlace } from '../../src/images/files.ts'
import { temporaryFolder } from '../support/folder.ts'

describe('the bytes of a place', () => {
  it('are handed on piece by piece, each while the next is read', async () => {
    const bytes = randomBytes(2_000_000)
    const place = placeOf(bytes)
    const pieces: Buffer[] = []
    await pourPlace(place, { from: 7, length: 1_900_000 }, async (piece) => {
      await new Promise((done) => setImmediate(done))
      pieces.push(Buffer.from(piece))
    })
    expect(Buffer.concat(pieces).equals(bytes.subarray(7, 1_900_007))).toBe(true)
    expect(pieces.length).toBeGreaterThan(1)
  })

  it('are missed where the file became shorter', async () => {
    const place = placeOf(randomBytes(100))
    const pouring = pourPlace(place, { from: 0, length: 101 }, async () => {})
    await expect(pouring).rejects.toThrow(/became shorter/)
  })

  it('are no longer asked for once a piece is refused', async () => {
    const place = placeOf(randomBytes(2_000_000))
    let taken = 0
    const pouring = pourPlace(place, { from: 0, length: place.size }, async () => {
      taken += 1
      throw new Error('refused')
    })
    await expect(pouring).rejects.toThrow('refused')
    expect(taken).toBe(1)
  })

  it('are none of an empty file', async () => {
    expect(await text(readPlace(placeOf(Buffer.of())))).toBe('')
  })
})

function placeOf(bytes: Buffer) {
  const path = join(temporaryFolder(), 'file')
  writeFileSync(path, bytes)
  return { path, offset: 0, size: bytes.length }
}
