import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

import { temporaryFolder } from '../support/folder.ts'
import { makeRelease, PROGRAM } from './release.ts'

describe('deploy/install.sh', () => {
  it('installs both programs of an archive, and again over the old ones', () => {
    const folder = temporaryFolder()
    const { archive, sum } = makeRelease(folder)
    const bin = join(folder, 'bin')

    expect(install(archive, sum, bin)).toBe(0)
    expect(install(archive, sum, bin)).toBe(0)
    expect(readFileSync(join(bin, 'ecr-cname'), 'utf8')).toBe(PROGRAM)
    expect(readFileSync(join(bin, 'docker-credential-ecr-cname'), 'utf8')).toBe(PROGRAM)
  })

  it('installs nothing whose checksum is another', () => {
    const folder = temporaryFolder()
    const { archive } = makeRelease(folder)
    const bin = join(folder, 'bin')

    expect(install(archive, '0'.repeat(64), bin)).not.toBe(0)
    expect(existsSync(bin)).toBe(false)
  })
})

function install(...args: readonly string[]): number | null {
  return spawnSync('bash', ['deploy/install.sh', ...args]).status
}
