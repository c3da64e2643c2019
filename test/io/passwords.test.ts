import { resolve } from 'node:path'
import { hashSync } from 'bcryptjs'
import { describe, expect, it } from 'vitest'
import { createChecker } from '../../src/io/passwords.ts'
import { temporaryFolder } from '../support/folder.ts'
import { writeTree } from '../support/user.ts'

const HASH = hashSync('secret', 4)

/** A checker whose timer is the test's. */
function create(program = resolve('src/main.ts')) {
  const timers = new Set<() => void>()
  const check = createChecker({
    command: [process.execPath, program, 'check-passwords'],
    env: {},
    after: (_, act) => {
      timers.add(act)
      return () => timers.delete(act)
    },
  })
  return { check, timers }
}

/** A program that ends at its first question, or tells what it has of its environment. */
function programOf(text: string): string {
  const folder = temporaryFolder()
  writeTree(folder, { 'program.cjs': text })
  return `${folder}/program.cjs`
}

describe('the process that checks passwords', () => {
  it('tells the right one from others, many at a time', async () => {
    const { check } = create()
    const passwords = ['secret', 'wrong', '', 'secret']
    const outcomes = await Promise.all(passwords.map((password) => check(password, HASH)))
    expect(outcomes).toEqual([true, false, false, true])
  })

  it('ends when there has been nothing to check for a while, and is there again', async () => {
    const { check, timers } = create()
    await check('secret', HASH)
    expect(timers.size).toBe(1)
    timers.forEach((act) => act())
    expect(await check('secret', HASH)).toBe(true)
  })

  it('fails those who wait for it when it ends, and nobody after', async () => {
    const folder = temporaryFolder()
    const program = programOf(`
      const fs = require('node:fs')
      const isFirst = !fs.existsSync('${folder}/seen')
      fs.writeFileSync('${folder}/seen', '')
      process.on('message', ({ id }) => {
        if (isFirst) process.exit(1)
        process.send({ id, isRight: true })
      })`)
    const { check } = create(program)
    await expect(check('secret', HASH)).rejects.toThrow('the process that checks passwords has')
    expect(await check('secret', HASH)).toBe(true)
  })

  it('has no key to AWS in its environment', async () => {
    const program = programOf(`
      process.on('message', ({ id }) => process.send({ id, isRight: 'AWS_SECRET_ACCESS_KEY' in process.env }))`)
    process.env['AWS_SECRET_ACCESS_KEY'] = 'secret'
    try {
      expect(await create(program).check('', HASH)).toBe(false)
    } finally {
      delete process.env['AWS_SECRET_ACCESS_KEY']
    }
  })
})
