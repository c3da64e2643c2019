import { compare, hashSync } from 'bcryptjs'
import { describe, expect, it } from 'vitest'
import { createClients, parsePasswords } from '../../src/proxy/clients.ts'

const HASH = hashSync('secret', 4)
const parse = (text: string) => parsePasswords(text, '/etc/htpasswd')
const clients = () => createClients(parse(`alice:${HASH}`), compare)

describe('a file of clients', () => {
  it('has a name and a bcrypt hash a line', () => {
    const other = HASH.replace(/^\$2b/, '$2y')
    const text = `# clients\nalice:${HASH}\r\n\n:broken\n`.replace(':broken', `bob:${other}`)
    expect(Object.fromEntries(parse(text))).toEqual({ alice: HASH, bob: other })
  })

  it.each([
    ['another hash', 'alice:$apr1$abc$def', /line 2: expected NAME:HASH with bcrypt/],
    ['a password', 'alice:hunter2', /line 2: expected NAME:HASH with bcrypt/],
    ['no name', `:${HASH}`, /line 2: expected/],
    ['a hash that takes too long', `alice:${HASH.replace('$04$', '$16$')}`, /cost above 15/],
  ])('is not taken with %s, and does not show it', (_, line, message) => {
    expect(() => parse(`bob:${HASH}\n${line}\n`)).toThrow(message)
    expect(() => parse(`bob:${HASH}\n${line}\n`)).not.toThrow(/hunter2|apr1/)
  })

  it('is not taken when it is empty', () => {
    expect(() => parse('# none\n')).toThrow('/etc/htpasswd: no client in it; add one with')
  })
})

describe('a client', () => {
  it('is one with its name and password', async () => {
    expect(await clients().verify('alice', 'secret')).toBe(true)
  })

  it.each([
    ['alice', 'wrong'],
    ['alice', ''],
    ['bob', 'secret'],
    ['', 'secret'],
  ])('is not one as %j with %j', async (name, password) => {
    expect(await clients().verify(name, password)).toBe(false)
  })

  it('is remembered, so that only its first request waits for bcrypt', async () => {
    const slow = createClients(parse(`alice:${hashSync('secret', 10)}`), compare)
    await slow.verify('alice', 'secret')
    const started = performance.now()
    await Promise.all(Array.from({ length: 1000 }, () => slow.verify('alice', 'secret')))
    expect(performance.now() - started).toBeLessThan(1000)
  })

  it('is checked once when many of its requests come at the same time', async () => {
    const many = clients()
    const outcomes = Array.from({ length: 200 }, () => many.verify('alice', 'secret'))
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set([true]))
  })

  it('is asked to come back while too many others are being checked', async () => {
    const busy = clients()
    const others = Array.from({ length: 64 }, (_, index) => busy.verify('alice', `guess ${index}`))
    await expect(busy.verify('alice', 'secret')).rejects.toMatchObject({
      status: 429,
      code: 'TOOMANYREQUESTS',
    })
    await Promise.all(others)
    expect(await busy.verify('alice', 'secret')).toBe(true)
  })
})
