import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { IDENTITY_VARIABLES, identityOf } from '../../src/front/identity.ts'
import { temporaryFolder } from '../support/folder.ts'

const INSTANCE = '/sys/devices/virtual/dmi/id/board_asset_tag'

function environment(): Record<string, string> {
  return { HOME: temporaryFolder(), AWS_EC2_METADATA_DISABLED: 'true' }
}

/** Each file that decides the identity, and the variable that names it. */
const FILES: readonly { readonly file: string; readonly variable: string }[] = [
  { file: '.aws/credentials', variable: '' },
  { file: '.aws/config', variable: '' },
  { file: '.config/ecr-cname/config.json', variable: '' },
  { file: 'own/keys', variable: 'AWS_SHARED_CREDENTIALS_FILE' },
  { file: 'own/settings', variable: 'AWS_CONFIG_FILE' },
  { file: 'own/mappings.json', variable: 'ECR_CNAME_CONFIG' },
  { file: 'own/web-token', variable: 'AWS_WEB_IDENTITY_TOKEN_FILE' },
  { file: 'own/container-token', variable: 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE' },
]

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

describe('an identity', () => {
  it('stays as it is while nothing changes', () => {
    const env = environment()
    expect(identityOf('a.test', env)).toBe(identityOf('a.test', { ...env, UNRELATED: 'x' }))
  })

  it('is another one for another name', () => {
    const env = environment()
    expect(identityOf('a.test', env)).not.toBe(identityOf('b.test', env))
  })

  it.each([...IDENTITY_VARIABLES, 'AWS_CONTAINER_AUTHORIZATION_TOKEN'])(
    'changes with %s',
    (variable) => {
      const env = environment()
      const identities = ['one', 'two'].map((value) =>
        identityOf('a.test', { ...env, [variable]: value }),
      )
      expect(new Set([identityOf('a.test', env), ...identities]).size).toBe(3)
    },
  )

  it.each(FILES)(
    'changes when $file appears, is edited, is replaced by its like, and goes',
    ({ file, variable }) => {
      const env = environment()
      const path = join(env['HOME'] ?? '', file)
      if (variable) env[variable] = path
      const seen = [identityOf('a.test', env)]
      write(path, 'one')
      seen.push(identityOf('a.test', env))
      write(path, 'other')
      seen.push(identityOf('a.test', env))
      write(`${path}.new`, 'other')
      renameSync(`${path}.new`, path)
      seen.push(identityOf('a.test', env))
      utimesSync(path, 1, 1)
      seen.push(identityOf('a.test', env))
      expect(new Set(seen).size).toBe(5)
      rmSync(path)
      expect(identityOf('a.test', env)).toBe(seen[0])
    },
  )

  it.each(FILES.filter(({ variable }) => variable))(
    'changes when another file than $file is named by $variable',
    ({ variable }) => {
      const env = environment()
      const identities = ['one', 'two'].map((name) =>
        identityOf('a.test', { ...env, [variable]: join(env['HOME'] ?? '', name) }),
      )
      expect(identities[0]).not.toBe(identities[1])
    },
  )

  it('is another one with another home', () => {
    expect(identityOf('a.test', environment())).not.toBe(identityOf('a.test', environment()))
  })

  it('can not be told where no home says where AWS’ files are', () => {
    expect(identityOf('a.test', {})).toBe('')
    const files = { AWS_SHARED_CREDENTIALS_FILE: '/k', AWS_CONFIG_FILE: '/c' }
    expect(identityOf('a.test', files)).not.toBe('')
  })

  it('can not be made to look like another one by what a variable holds', () => {
    const env = environment()
    const [one, other] = [
      { AWS_ACCESS_KEY_ID: 'a,b', AWS_PROFILE: 'c' },
      { AWS_ACCESS_KEY_ID: 'a', AWS_PROFILE: 'b,c' },
    ]
    expect(identityOf('a.test', { ...env, ...one })).not.toBe(
      identityOf('a.test', { ...env, ...other }),
    )
  })

  it('is printable ASCII, and no secret', () => {
    const env = {
      ...environment(),
      AWS_PROFILE: 'prod ü\n\0\u{1f433}',
      AWS_SECRET_ACCESS_KEY: 'hush',
      AWS_SESSION_TOKEN: 'hush',
      AWS_CONTAINER_AUTHORIZATION_TOKEN: 'hush',
    }
    expect(identityOf('a.test', env)).toMatch(/^[!-~]+$/)
    expect(identityOf('a.test', env)).not.toContain('hush')
  })

  it('names the EC2 instance, unless its role is not to be used', () => {
    const tag = existsSync(INSTANCE) ? readFileSync(INSTANCE, 'utf8').trim() : ''
    const env = environment()
    const last = (value: string) =>
      identityOf('a.test', { ...env, AWS_EC2_METADATA_DISABLED: value })
        .split(',')
        .at(-1)
    expect(last('true')).toBe('')
    expect(last('false')).toBe(tag.startsWith('i-') ? tag : '')
  })
})
