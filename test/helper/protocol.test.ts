import { describe, expect, it } from 'vitest'
import { UserError } from '../../src/domain/errors.ts'
import { answer, type Helper, type Login, type Verb } from '../../src/helper/protocol.ts'

const NOT_OURS: Helper = {
  get: async () => undefined,
  store: async () => {},
  erase: async () => {},
  list: async () => ({}),
}

function ask(verb: Verb, input: string, helper: Partial<Helper> = {}) {
  return answer({ ...NOT_OURS, ...helper }, verb, Buffer.from(input))
}

describe('get', () => {
  it('answers with the server URL as it was asked, and nothing on stderr', async () => {
    const get = async () => ({ username: 'AWS', secret: 's' })
    expect(await ask('get', ' https://Docker.company.com/v2/\r\n', { get })).toEqual({
      exitCode: 0,
      stdout: '{"ServerURL":"https://Docker.company.com/v2/","Username":"AWS","Secret":"s"}\n',
      stderr: '',
    })
  })

  it('lets the client go on without credentials for a host that is not ours', async () => {
    expect(await ask('get', 'ghcr.io')).toEqual({
      exitCode: 1,
      stdout: 'credentials not found in native keychain\n',
      stderr: '',
    })
  })

  it('says on stdout and on stderr why a host of ours has no credentials', async () => {
    const get = async () => {
      throw new UserError('ACCESS_DENIED', 'allow\nit')
    }
    expect(await ask('get', 'docker.company.com', { get })).toEqual({
      exitCode: 1,
      stdout: 'allow it\n',
      stderr: 'allow it\n',
    })
  })

  it('says a warning beside an answer on stderr alone', async () => {
    const get = async () => ({ username: 'AWS', secret: 's', warning: 'ends soon' })
    expect(await ask('get', 'a.example', { get })).toMatchObject({
      exitCode: 0,
      stderr: 'ends soon\n',
    })
  })

  it('hands a bug on', async () => {
    const get = async () => {
      throw new TypeError('bug')
    }
    await expect(ask('get', 'a.example', { get })).rejects.toThrow('bug')
  })

  it.each(['', ' \r\n'])('of %j is refused in the words of the protocol', async (input) => {
    expect(await ask('get', input)).toMatchObject({
      exitCode: 1,
      stdout: 'no credentials server URL\n',
    })
  })

  it('of more than a megabyte is refused', async () => {
    expect(await ask('get', 'a'.repeat(1024 * 1024 + 1))).toMatchObject({
      exitCode: 1,
      stdout: 'the input is longer than 1 MiB\n',
    })
  })
})

describe('store', () => {
  it('hands the login on and prints nothing', async () => {
    const stored: Login[] = []
    const store = async (login: Login) => {
      stored.push(login)
    }
    const input = '{"ServerURL":"ghcr.io","Username":"me","Secret":"s"}\n'
    expect(await ask('store', input, { store })).toEqual({ exitCode: 0, stdout: '', stderr: '' })
    expect(stored).toEqual([{ serverUrl: 'ghcr.io', username: 'me', secret: 's' }])
  })

  it.each([
    ['{"ServerURL":"","Username":"me","Secret":"s"}', 'no credentials server URL\n'],
    ['{"Username":"me","Secret":"s"}', 'no credentials server URL\n'],
    ['null', 'no credentials server URL\n'],
    ['{"ServerURL":"ghcr.io","Username":"","Secret":"s"}', 'no credentials username\n'],
    ['{"ServerURL":"ghcr.io","Secret":"s"}', 'no credentials username\n'],
    ['{"ServerURL":"ghcr.io","Username":"me"}', 'store: expected a text as Secret\n'],
  ])('of %s is refused', async (input, stdout) => {
    expect(await ask('store', input)).toEqual({ exitCode: 1, stdout, stderr: '' })
  })

  it('of something that is no JSON is refused in one line that does not quote it', async () => {
    const { exitCode, stdout } = await ask('store', '{"Secret":"hush"')
    expect(exitCode).toBe(1)
    expect(stdout).toMatch(/^store: expected .* on stdin, got no JSON\n$/)
    expect(stdout).not.toContain('hush')
  })
})

describe('erase', () => {
  it.each(['ghcr.io', 'https://user@x', '\u0000', ''])('of %j exits 0', async (input) => {
    expect(await ask('erase', input)).toMatchObject({ exitCode: 0, stderr: '' })
  })

  it('of more than a megabyte exits 0: nothing is kept for it', async () => {
    expect(await ask('erase', 'a'.repeat(1024 * 1024 + 1))).toMatchObject({ exitCode: 0 })
  })

  it('exits 0 when nothing could be erased', async () => {
    const erase = async () => {
      throw new UserError('CONFIG', 'broken')
    }
    expect(await ask('erase', 'ghcr.io', { erase })).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: '',
    })
  })
})

describe('list', () => {
  it('is one object, {} when empty', async () => {
    expect(await ask('list', '')).toEqual({ exitCode: 0, stdout: '{}\n', stderr: '' })
    const list = async () => ({ 'ghcr.io': 'me' })
    expect(await ask('list', '', { list })).toMatchObject({ stdout: '{"ghcr.io":"me"}\n' })
  })
})
