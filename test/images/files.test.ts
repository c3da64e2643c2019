/** Files of an archive, as a push reads them. */

import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { openFiles, pourPlace, readBytes, readPlace } from '../../src/images/files.ts'
import { temporaryFolder } from '../support/folder.ts'
import { becomeNobody } from '../support/nobody.ts'

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

describe('a folder', () => {
  it('has no file whose name is too long for any', async () => {
    const files = await openFiles(temporaryFolder())
    expect(files.find('a'.repeat(300))).toBeUndefined()
  })

  it('is told of in one line where it can’t be read', async () => {
    const folder = temporaryFolder()
    mkdirSync(join(folder, 'blobs'))
    writeFileSync(join(folder, 'index.json'), '{}')
    becomeNobody(folder)
    chmodSync(join(folder, 'index.json'), 0)
    chmodSync(join(folder, 'blobs'), 0)
    const files = await openFiles(folder, 'app')
    const index = { path: join(folder, 'index.json'), offset: 0, size: 2 }
    expect(files.find('index.json')).toEqual(index)
    expect(() => files.find('blobs/sha256')).toThrow(
      `${join(folder, 'blobs/sha256')}: it can't be read (EACCES)`,
    )
    expect(() => readBytes(index)).toThrow(`${index.path}: it can't be read (EACCES)`)
    await expect(pourPlace(index, { from: 0, length: 1 }, async () => {})).rejects.toThrow(
      `${index.path}: it can't be read (EACCES)`,
    )
  })
})

function placeOf(bytes: Buffer) {
  const path = join(temporaryFolder(), 'file')
  writeFileSync(path, bytes)
  return { path, offset: 0, size: bytes.length }
}
