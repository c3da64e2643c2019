import { describe, expect, it } from 'vitest'
import { isAllowed, readAllow, type Right } from '../../src/domain/allow.ts'

const read = (value: unknown) => readAllow({ where: 'config.json', key: 'proxy.allow', value })

function may(rules: readonly string[], right: Right, repository: string): boolean {
  return isAllowed(read({ alice: rules }), 'alice', { repository, rights: [right] })
}

describe('a rule', () => {
  it.each([
    ['team-a/*:pull', 'team-a/app', true],
    ['team-a/*:pull', 'team-a/deep/app', true],
    ['team-a/*:pull', 'team-a', false],
    ['team-a/*:pull', 'team-ab/app', false],
    ['team-a/*:pull', 'x/team-a/app', false],
    ['app:pull', 'app', true],
    ['app:pull', 'app2', false],
    ['*:pull', 'anything/at/all', true],
    ['*/app:pull', 'team/app', true],
    ['*/app:pull', 'team/app/x', false],
    ['a*b*c:pull', 'a-b-b-c', true],
    ['a*b*c:pull', 'a-c-b', false],
    ['a*a:pull', 'a', false],
    ['a*a:pull', 'aa', true],
  ])('%s for %s: %s', (rule, repository, expected) => {
    expect(may([rule], 'pull', repository)).toBe(expected)
  })

  it('gives the rights that it names and no other', () => {
    expect(may(['a:pull'], 'push', 'a')).toBe(false)
    expect(may(['a:push'], 'pull', 'a')).toBe(false)
    expect(may(['a:pull,push'], 'push', 'a')).toBe(true)
    expect(may(['a:pull', '*:push'], 'push', 'a')).toBe(true)
  })

  it.each(['a', 'a:', ':pull', 'a:delete', 'a:pull,', 'A:pull', 'a b:pull', 7])(
    'is not %j',
    (rule) => {
      expect(() => read({ alice: [rule] })).toThrow(/^config\.json: proxy\.allow\.alice\[0\]: exp/)
    },
  )
})

describe('a client', () => {
  const allow = read({ alice: ['a:push'], '*': ['b:pull'] })
  const pull = (client: string, repository: string) =>
    isAllowed(allow, client, { repository, rights: ['pull'] })

  it('that is not named has the rights of *', () => {
    expect([pull('bob', 'a'), pull('bob', 'b')]).toEqual([false, true])
  })

  it('that is named has its own and not those of *', () => {
    expect(pull('alice', 'b')).toBe(false)
  })

  it('that nothing is said of has none', () => {
    expect(isAllowed(read({}), 'bob', { repository: 'b', rights: ['pull'] })).toBe(false)
  })
})
