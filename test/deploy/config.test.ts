import { describe, expect, it } from 'vitest'

import { mergeConfig } from '../../src/domain/config.ts'
import { readJson } from './files.ts'

describe('the configurations to copy', () => {
  it.each(['deploy/config.json'])('%s is as the programs take it', (where) => {
    expect(mergeConfig([{ where, value: readJson(where) }]).mappings).not.toEqual([])
  })

  it('that the installer for DC/OS writes is, too', () => {
    type App = { env: { CONFIG: string } }
    const { env } = readJson('deploy/marathon/aws-ecr-helper.json') as App
    const value: unknown = JSON.parse(env.CONFIG)

    expect(mergeConfig([{ where: 'CONFIG', value }]).mappings).not.toEqual([])
  })
})
