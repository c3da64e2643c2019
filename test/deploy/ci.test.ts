import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { Ajv, type AnySchemaObject } from 'ajv'
import { beforeEach, describe, expect, it } from 'vitest'

import { lackOf } from '../support/installed.ts'
import { needs } from '../support/needs.ts'
import { filesOf, readText, readYaml } from './files.ts'
import { scriptsIn } from './scripts.ts'

/** Where .ci/schemas puts them. */
const SCHEMAS = '/var/cache/ecr-cname-ci/check_jsonschema/builtin_schemas/vendor'
const SERVICES = [
  ['github-actions.yml', 'github-workflows'],
  ['gitlab-ci.yml', 'gitlab-ci'],
  ['circleci.yml', 'circle-ci'],
  ['buildkite.yml', 'buildkite'],
] as const

describe('the examples for CI services', () => {
  beforeEach((context) => {
    needs(context, existsSync(SCHEMAS) ? undefined : `${SCHEMAS} missing: bash .ci/schemas`)
  })

  it.each(SERVICES)('%s is as the schema %s wants it', (file, schema) => {
    expect(faultsOf(schema, readYaml(`deploy/ci/${file}`)[0])).toEqual([])
  })

  it.each(SERVICES)('%s would be found out by %s if it were not', (_, schema) => {
    expect(faultsOf(schema, { steps: 1, jobs: 1, image: { script: 1 } })).not.toEqual([])
  })
})

describe('the example for Codeship', () => {
  it('pushes with the service that makes the configuration', () => {
    const [services] = readYaml('deploy/ci/codeship-services.yml') as Record<string, object>[]
    const [[step] = []] = readYaml('deploy/ci/codeship-steps.yml') as Record<string, string>[][]

    expect(Object.keys(services ?? {})).toEqual(
      expect.arrayContaining([step?.['service'], step?.['dockercfg_service']]),
    )
    expect(step?.['registry']).toBe('https://docker.company.com')
  })
})

describe('the scripts', () => {
  beforeEach((context) => needs(context, lackOf('shellcheck')))

  const scripts = filesOf('**/*').flatMap(scriptsIn)

  it.each(scripts)('$name passes shellcheck', ({ script, shell }) => {
    const flags = [`--shell=${shell}`, '--exclude=SC2148', '-']
    const { stdout } = spawnSync('shellcheck', flags, { input: script, encoding: 'utf8' })

    expect(stdout).toBe('')
  })

  it('are found in each kind of file', () => {
    const names = scripts.map(({ name }) => name.split('/')[1])

    expect(names).toEqual(expect.arrayContaining(['ci', 'cloud-init', 'docker', 'ec2', 'marathon']))
  })
})

describe('the user data of cloud-init', () => {
  const file = 'deploy/cloud-init/cloud-config.yaml'

  it('begins as cloud-init wants it, and runs what it writes', () => {
    type CloudConfig = { write_files: { path: string; permissions: string }[]; runcmd: string[][] }
    const [config] = readYaml(file) as readonly CloudConfig[]
    const executable = config?.write_files.filter(({ permissions }) => permissions === '0700')

    expect(readText(file)).toMatch(/^#cloud-config\n/)
    expect(config?.runcmd).toEqual(executable?.map(({ path }) => [path]))
  })

  it.each(['deploy/ec2/user-data.sh', file])('%s fits into what EC2 takes', (each) => {
    expect(Buffer.byteLength(readText(each))).toBeLessThan(16 * 1024)
  })
})

function faultsOf(name: string, value: unknown): readonly unknown[] {
  const schema = JSON.parse(readFileSync(`${SCHEMAS}/${name}.json`, 'utf8')) as AnySchemaObject
  const validate = new Ajv({ strict: false, validateFormats: false }).compile(schema)
  return validate(value) === true ? [] : (validate.errors ?? [])
}
