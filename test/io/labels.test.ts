import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openLabels } from '../../src/io/labels.ts'
import { temporaryFolder } from '../support/folder.ts'

const digest = (text: string) => `sha256:${text.repeat(64).slice(0, 64)}`

describe('labels that were seen', () => {
  it('are found again, by other processes of the same store too', () => {
    const env = { ECR_CNAME_HOME: join(temporaryFolder(), 'store') }
    const labels = openLabels(env)
    labels.keep(digest('a'), { team: 'a' })
    expect(labels.find(digest('a'))).toEqual({ team: 'a' })
    expect(openLabels(env).find(digest('a'))).toEqual({ team: 'a' })
    expect(openLabels(env).find(digest('b'))).toBeUndefined()
    const [file = ''] = readdirSync(`${env.ECR_CNAME_HOME}/labels`)
    expect(statSync(`${env.ECR_CNAME_HOME}/labels/${file}`).mode & 0o777).toBe(0o600)
  })

  it('are known to this process alone where there is no store', () => {
    const env = { ECR_CNAME_HOME: '/proc/none' }
    const labels = openLabels(env)
    labels.keep(digest('a'), { team: 'a' })
    expect(labels.find(digest('a'))).toEqual({ team: 'a' })
    expect(openLabels(env).find(digest('a'))).toBeUndefined()
  })

  it('are forgotten, the oldest first, when they are too many', () => {
    const env = { ECR_CNAME_HOME: temporaryFolder() }
    const labels = openLabels(env)
    labels.keep(digest('a'), {})
    for (let index = 0; index < 520; index++) {
      writeFileSync(`${env.ECR_CNAME_HOME}/labels/${index}.json`, '{}')
    }
    labels.keep(digest('b'), { team: 'b' })
    expect(readdirSync(`${env.ECR_CNAME_HOME}/labels`).length).toBeLessThanOrEqual(512)
    expect(openLabels(env).find(digest('b'))).toEqual({ team: 'b' })
  })

  it('are not kept when they are huge, and rubbish in the store is none', () => {
    const env = { ECR_CNAME_HOME: temporaryFolder() }
    const labels = openLabels(env)
    labels.keep(digest('a'), { text: 'x'.repeat(100_000) })
    expect(labels.find(digest('a'))).toBeUndefined()
    labels.keep(digest('b'), {})
    const [file = ''] = readdirSync(`${env.ECR_CNAME_HOME}/labels`)
    writeFileSync(`${env.ECR_CNAME_HOME}/labels/${file}`, 'rubbish')
    expect(openLabels(env).find(digest('b'))).toBeUndefined()
  })
})
