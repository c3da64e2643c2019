import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findProgram, runProgram, withoutSecrets } from '../../src/io/programs.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeTree } from '../support/user.ts'

function withScript(script: string) {
  const folder = temporaryFolder()
  writeTree(folder, { it: `#!/bin/sh\n${script}\n`, unable: '#!/bin/sh\n' })
  chmodSync(join(folder, 'it'), 0o755)
  mkdirSync(join(folder, 'folder'))
  return { folder, env: { PATH: `${folder}:/usr/bin:/bin` } }
}

describe('findProgram', () => {
  it('finds what can be run, and no folder or plain file of that name', () => {
    const { folder, env } = withScript('')

    expect(findProgram('it', env)).toBe(join(folder, 'it'))
    expect(findProgram('folder', env)).toBeUndefined()
    expect(findProgram('unable', env)).toBeUndefined()
    expect(findProgram('it', {})).toBeUndefined()
  })
})

describe('runProgram', () => {
  it('gives it arguments and stdin, and takes what it says and how it ends', async () => {
    const { env } = withScript('echo "$1"; cat; echo err >&2; exit 3')

    expect(await runProgram('it', ['a b'], { env, input: 'in' })).toEqual({
      exitCode: 3,
      stdout: 'a b\nin',
      stderr: 'err\n',
    })
  })

  it('does not wait for what the program leaves behind', async () => {
    const { env } = withScript('sleep 5 & echo done')

    expect(await runProgram('it', [], { env })).toMatchObject({ exitCode: 0, stdout: 'done\n' })
  })

  it('ends one that takes too long', async () => {
    const { env } = withScript('exec sleep 60')

    expect(await runProgram('it', [], { env, signal: AbortSignal.timeout(50) })).toMatchObject({
      exitCode: 1,
    })
  })

  it('tells a program that is not there, or can not be run', async () => {
    const { folder, env } = withScript('')

    expect(await runProgram('nowhere', [], { env })).toBeUndefined()
    expect(await runProgram(join(folder, 'unable'), [], { env })).toBeUndefined()
  })

  it('is content with one that does not read', async () => {
    const { env } = withScript('exit 0')

    expect(await runProgram('it', [], { env, input: 'x'.repeat(1_000_000) })).toMatchObject({
      exitCode: 0,
    })
  })
})

describe('withoutSecrets', () => {
  it("leaves out what AWS' secrets are in, and nothing else", () => {
    const env = { AWS_SECRET_ACCESS_KEY: 's', AWS_SESSION_TOKEN: 't', AWS_REGION: 'r', HOME: 'h' }

    expect(withoutSecrets(env)).toEqual({ AWS_REGION: 'r', HOME: 'h' })
  })
})
