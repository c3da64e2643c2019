/** The documents made from the table of the commands. */

import { spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { pagesOf } from '../../scripts/docs/pages.ts'
import { commands } from '../../src/commands/table.ts'
import { lackOf } from '../support/installed.ts'
import { needs } from '../support/needs.ts'

const pages = pagesOf(commands)

describe('the documents made from the table of the commands', () => {
  it.each([...pages])('%s is what npm run docs writes', (path, text) => {
    expect(readFileSync(path, 'utf8')).toBe(text)
  })

  it('have no page of a command that is gone', () => {
    expect(globSync('docs/man/*').filter((path) => !pages.has(path))).toEqual([])
  })

  it.for([...pages.keys()].filter((path) => path.endsWith('.1')))(
    '%s is a manual page without a fault',
    (path, context) => {
      needs(context, lackOf('mandoc'))
      const { stdout } = spawnSync('mandoc', ['-T', 'lint', '-W', 'warning', path], {
        encoding: 'utf8',
      })
      const faults = stdout.split('\n').filter((line) => !line.includes('missing date'))
      expect(faults).toEqual([''])
    },
  )
})
