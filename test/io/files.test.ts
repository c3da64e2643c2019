import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { rewriteFile } from '../../src/io/files.ts'
import { temporaryFolder } from '../support/folder.ts'

const modeOf = (path: string): number => statSync(path).mode & 0o777

describe('rewriteFile', () => {
  it('makes a file and its folders, for their owner alone', () => {
    const path = join(temporaryFolder(), 'a/b/file')
    rewriteFile(path, 'text')

    expect([modeOf(path), modeOf(join(path, '..'))]).toEqual([0o600, 0o700])
  })

  it('makes folders that others may enter for a file that others may read', () => {
    const path = join(temporaryFolder(), 'a/file')
    rewriteFile(path, 'text', 0o644)

    expect([modeOf(path), modeOf(join(path, '..')) & 0o111]).toEqual([0o644, 0o111])
  })

  it('keeps permissions and owner', () => {
    const path = join(temporaryFolder(), 'file')
    writeFileSync(path, 'old')
    chmodSync(path, 0o640)
    const { uid, gid } = statSync(path)
    rewriteFile(path, 'new')

    expect(statSync(path)).toMatchObject({ uid, gid })
    expect([modeOf(path), readFileSync(path, 'utf8')]).toEqual([0o640, 'new'])
  })

  it('writes through a link, which stays one', () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'real'), 'old')
    symlinkSync('real', join(folder, 'link'))
    rewriteFile(join(folder, 'link'), 'new')

    expect(readlinkSync(join(folder, 'link'))).toBe('real')
    expect(readFileSync(join(folder, 'real'), 'utf8')).toBe('new')
  })

  it('makes the file that a link leads to where there is none yet', () => {
    const folder = temporaryFolder()
    symlinkSync('b/link', join(folder, 'link'))
    mkdirSync(join(folder, 'b'))
    symlinkSync('../c/real', join(folder, 'b/link'))
    rewriteFile(join(folder, 'link'), 'new')

    expect(readlinkSync(join(folder, 'link'))).toBe('b/link')
    expect(readFileSync(join(folder, 'c/real'), 'utf8')).toBe('new')
  })

  it('takes the place of nothing but a file', () => {
    const fifo = join(temporaryFolder(), 'fifo')
    execFileSync('mkfifo', [fifo])

    expect(() => rewriteFile(fifo, 'new')).toThrow(
      `${fifo}: is a FIFO, expected a file; name another`,
    )
    expect(statSync(fifo).isFIFO()).toBe(true)
  })
})
