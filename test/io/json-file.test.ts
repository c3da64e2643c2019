import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { changeJsonFile } from '../../src/io/json-file.ts'
import { temporaryFolder } from '../support/folder.ts'

describe('changeJsonFile', () => {
  it('lets no change be lost of many at once', async () => {
    const path = join(temporaryFolder(), 'a/b.json')
    const add = (index: number) =>
      changeJsonFile(path, { now: () => Date.now() }, (file) =>
        JSON.stringify([...((file?.value ?? []) as number[]), index]),
      )
    await Promise.all([1, 2, 3, 4].map(add))

    expect(new Set(JSON.parse(readFileSync(path, 'utf8')))).toEqual(new Set([1, 2, 3, 4]))
  })

  it('gives up where something that is no lock stays in the way of one', async () => {
    const path = join(temporaryFolder(), 'a.json')
    writeFileSync(path, '{}')
    mkdirSync(`${path}.lock`)
    let time = 0
    const changed = changeJsonFile(path, { now: () => (time += 5000) }, () => '[]')

    await expect(changed).rejects.toThrow(
      `${path}.lock has been in the way for too long; remove it`,
    )
    expect(readFileSync(path, 'utf8')).toBe('{}')
  })
})
