import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { findKept, loginFile, replyOf } from '../../src/front/answer.ts'
import { tokenFile } from '../../src/front/entry.ts'
import { identityOf } from '../../src/front/identity.ts'
import { storeFolder } from '../../src/front/places.ts'
import { temporaryFolder } from '../support/folder.ts'
import { entryText } from './entries.ts'

const TIMES = { mintedAt: 1, refreshAt: 2, expiresAt: 3 }

function user(): { readonly env: Record<string, string>; readonly keep: Keep } {
  const env: Record<string, string> = { HOME: temporaryFolder(), AWS_EC2_METADATA_DISABLED: 'true' }
  return {
    env,
    keep(name, anyPort = true) {
      const identity = identityOf(name, env)
      const file = tokenFile(storeFolder(env), name, identity)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, entryText(name, identity, TIMES, anyPort))
      return file
    },
  }
}
type Keep = (name: string, anyPort?: boolean) => string

describe('the token kept for a host', () => {
  it('is found with its file, whatever its age', () => {
    const { env, keep } = user()
    const file = keep('a.test')
    expect(findKept('https://A.test/v2/', env)).toMatchObject({ file, entry: { name: 'a.test' } })
  })

  it('serves every port', () => {
    const { env, keep } = user()
    keep('a.test')
    expect(findKept('a.test:5000', env)?.entry.name).toBe('a.test')
  })

  it('serves no other port where a mapping names one', () => {
    const { env, keep } = user()
    keep('a.test', false)
    expect(findKept('a.test:5000', env)).toBeUndefined()
    expect(findKept('a.test', env)?.entry.name).toBe('a.test')
  })

  it('gives way to the one kept for the port', () => {
    const { env, keep } = user()
    keep('a.test')
    keep('a.test:5000', false)
    expect(findKept('a.test:5000', env)?.entry.name).toBe('a.test:5000')
    expect(findKept('a.test:5001', env)?.entry.name).toBe('a.test')
  })

  it.each(['b.test', 'x.a.test', 'a.test.x', 'me@a.test', ''])('is not found for %j', (asked) => {
    const { env, keep } = user()
    keep('a.test')
    expect(findKept(asked, env)).toBeUndefined()
  })

  it('gives way to a login, for its own name', () => {
    const { env, keep } = user()
    keep('a.test')
    const login = loginFile(storeFolder(env), 'a.test')
    mkdirSync(dirname(login))
    writeFileSync(login, '')
    expect(findKept('a.test', env)).toBeUndefined()
    expect(findKept('a.test:5000', env)).toBeUndefined()
  })

  it('is not looked for with ECR_CNAME_CACHE=off', () => {
    const { env, keep } = user()
    keep('a.test')
    expect(findKept('a.test', { ...env, ECR_CNAME_CACHE: 'off' })).toBeUndefined()
    expect(findKept('a.test', { ...env, ECR_CNAME_CACHE: 'on' })).toBeDefined()
  })

  it('is nobody’s where no home says whose it is', () => {
    const { env, keep } = user()
    keep('a.test')
    const homeless = {
      ...env,
      HOME: '',
      ECR_CNAME_HOME: join(env['HOME'] ?? '', '.cache/ecr-cname'),
    }
    expect(findKept('a.test', homeless)).toBeUndefined()
  })
})

describe('the answer to get', () => {
  it('echoes what was asked for, without the line end', () => {
    expect(replyOf('https://a.test/v2/\r\n', 'AWS', 'pw')).toBe(
      '{"ServerURL":"https://a.test/v2/","Username":"AWS","Secret":"pw"}\n',
    )
  })

  it('is JSON whatever was asked for', () => {
    const asked = 'a.test/"\\\u{7}ü\u{1f433}'
    expect(JSON.parse(replyOf(asked, 'AWS', 'p"w'))).toEqual({
      ServerURL: asked,
      Username: 'AWS',
      Secret: 'p"w',
    })
  })
})
