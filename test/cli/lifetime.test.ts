import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { AT_ONCE, HELPER, runProgram, start } from '../support/program.ts'
import { ECR, emulated, eventually, mints, newUser } from '../support/user.ts'

const HOUR = 3600_000

describe('a token in the store', () => {
  it('past refreshAfter is served at once and renewed behind the answer', async () => {
    const emulator = await emulated()
    const user = newUser(emulator)
    const first = await user.secret(ECR)
    user.alter((entry) => ({ ...entry, refreshAt: Date.now() - 1 }))
    emulator.settings.faults.push({ service: 'ecr', kind: 'delay', ms: 300, times: 1 })
    expect(await user.run('get', ECR)).toMatchObject({ exitCode: 0, stderr: '' })
    await eventually(() => emulator.calls[1]?.status === 200)
    await eventually(
      () => !readdirSync(join(user.store, 'tokens')).some((name) => name.endsWith('.lock')),
    )
    expect(await user.secret(ECR)).not.toBe(first)
    expect(mints(emulator)).toBe(2)
  })

  it('is renewed by one process, whatever number of answers goes before it', async () => {
    const emulator = await emulated()
    const user = newUser(emulator)
    await user.secret(ECR)
    user.alter((entry) => ({ ...entry, refreshAt: Date.now() - 1 }))
    emulator.settings.faults.push({ service: 'ecr', kind: 'delay', ms: 1500, times: 1 })
    await Promise.all(Array.from({ length: 10 }, () => user.secret(ECR)))
    await eventually(() => emulator.calls[1]?.status === 200)
    await eventually(
      () => !readdirSync(join(user.store, 'tokens')).some((name) => name.endsWith('.lock')),
    )
    expect(mints(emulator)).toBe(2)
  })

  it("leaves a caller's pipes at once: the renewal holds none of them", async () => {
    const emulator = await emulated()
    const user = newUser(emulator)
    await user.secret(ECR)
    user.alter((entry) => ({ ...entry, refreshAt: Date.now() - 1 }))
    emulator.settings.faults.push({ service: 'ecr', kind: 'hang' })
    // The outcome is there once every pipe is closed, at every end.
    expect(await user.run('get', ECR)).toMatchObject({ exitCode: 0, stderr: '' })
    await eventually(() => mints(emulator) === 2)
    expect(emulator.calls[1]?.status).toBeUndefined()
  })

  it('with a tenth of its life left, or 15 minutes, is renewed first', async () => {
    const emulator = await emulated()
    const user = newUser(emulator)
    const first = await user.secret(ECR)
    user.alter((entry) => ({
      ...entry,
      mintedAt: Date.now() - 11 * HOUR,
      expiresAt: Date.now() + 14 * 60_000,
    }))
    expect(await user.secret(ECR)).not.toBe(first)
    user.alter((entry) => ({
      ...entry,
      mintedAt: Date.now() - HOUR,
      expiresAt: Date.now() + 7 * 60_000,
      refreshAt: Date.now() + HOUR,
    }))
    await user.secret(ECR)
    expect(mints(emulator)).toBe(2)
  })

  it('that ends soon and can not be renewed is served with a warning, in no time the second time', async () => {
    const emulator = await emulated()
    const user = newUser(emulator)
    const token = await user.secret(ECR)
    user.alter((entry) => ({
      ...entry,
      mintedAt: Date.now() - 11 * HOUR,
      expiresAt: Date.now() + 60_000,
    }))
    emulator.settings.faults.push({ service: 'ecr', kind: 'deny' })
    for (let call = 0; call < 2; call++) {
      const { exitCode, stdout, stderr } = await user.run('get', ECR)
      expect(exitCode).toBe(0)
      expect(stdout).toContain(token)
      expect(stderr).toMatch(
        /^the token ends soon and was not renewed: .*allow ecr:GetAuthorizationToken/,
      )
    }
    expect(mints(emulator)).toBe(2)
  })

  it.each([
    ['expired', { expiresAt: Date.now() - 1 }],
    ['of the future', { mintedAt: Date.now() + 2 * HOUR, expiresAt: Date.now() + 3 * HOUR }],
    ['too long-lived to be one', { expiresAt: Date.now() + 48 * HOUR }],
  ])('that is %s is never served, also when there is no other', async (_, change) => {
    const emulator = await emulated()
    const user = newUser(emulator)
    await user.secret(ECR)
    user.alter((entry) => ({ ...entry, ...change }))
    emulator.settings.faults.push({ service: 'ecr', kind: 'deny', times: 1 })
    expect(await user.run('get', ECR)).toMatchObject({ exitCode: 1 })
    expect(await user.secret(ECR)).toMatch(/./)
  })

  it('is not kept with ECR_CNAME_CACHE=off', async () => {
    const emulator = await emulated()
    const user = newUser(emulator)
    user.env['ECR_CNAME_CACHE'] = 'off'
    await user.secret(ECR)
    await user.secret(ECR)
    expect(mints(emulator)).toBe(2)
    expect(existsSync(user.store)).toBe(false)
  })

  it.each([
    ['ECR_CNAME_HOME', 'own', 'own'],
    ['XDG_CACHE_HOME', 'cache', 'cache/ecr-cname'],
  ])('stands where %s says', async (variable, value, folder) => {
    const user = newUser(await emulated())
    user.env[variable] = join(user.home, value)
    await user.secret(ECR)
    expect(readdirSync(join(user.home, folder, 'tokens'))).toHaveLength(1)
  })

  it('and its folders are for their owner alone, also where they were open before', async () => {
    const user = newUser(await emulated())
    mkdirSync(user.store, { recursive: true })
    chmodSync(user.store, 0o755)
    await user.secret(ECR)
    const modes = [user.store, join(user.store, 'tokens'), ...user.tokens()].map(
      (path) => statSync(path).mode & 0o777,
    )
    expect(modes).toEqual([0o700, 0o700, 0o600])
  })

  it('goes once it has expired', async () => {
    const emulator = await emulated({ settings: { tokenSeconds: 1 } })
    const user = newUser(emulator)
    await user.secret(ECR)
    const [old = ''] = user.tokens()
    await eventually(() => statSync(old).mtimeMs < Date.now())
    emulator.settings.tokenSeconds = 43_200
    await user.secret('123456789012.dkr.ecr.eu-west-1.amazonaws.com')
    expect(existsSync(old)).toBe(false)
    expect(user.tokens()).toHaveLength(1)
  })
})

describe('a file in the store', () => {
  it.each([
    ['empty', ''],
    ['half written', (text: string) => text.slice(0, 100)],
    ['another thing', '[]'],
    ['null', 'null'],
    ['of another identity', (text: string) => text.replace('"identity":"', '"identity":"zz')],
    ['of another name', (text: string) => text.replace('"name":"1', '"name":"2')],
    ['without an expiry', (text: string) => text.replace('expiresAt', 'expires')],
    [
      'with a number for a secret',
      (text: string) => text.replace(/"secret":"[^"]*"/, '"secret":1'),
    ],
    ['larger than any token', (text: string) => text + ' '.repeat(300_000)],
  ] as const)('that is %s is a miss and replaced', async (_, content) => {
    const emulator = await emulated()
    const user = newUser(emulator)
    await user.secret(ECR)
    const [path = ''] = user.tokens()
    const whole = readFileSync(path, 'utf8')
    writeFileSync(path, typeof content === 'string' ? content : content(whole))
    const token = await user.secret(ECR)
    expect(await user.secret(ECR)).toBe(token)
    expect(mints(emulator)).toBe(2)
  })

  it.each([
    ['a folder', (path: string) => mkdirSync(path)],
    ['a FIFO', (path: string) => execFileSync('mkfifo', [path])],
    ['unreadable', (path: string) => writeFileSync(path, '', { mode: 0 })],
  ] as const)('that is %s costs a mint and nothing else', async (_, make) => {
    const emulator = await emulated()
    const user = newUser(emulator)
    await user.secret(ECR)
    const [path = ''] = user.tokens()
    rmSync(path)
    make(path)
    expect(await user.secret(ECR)).toMatch(/./)
    expect(mints(emulator)).toBe(2)
  })
})

describe('a store that can not be written', () => {
  it('costs a mint at each call and nothing else: a home that is a file', async () => {
    const emulator = await emulated()
    const user = newUser(emulator)
    writeFileSync(join(user.home, 'file'), '')
    user.env['ECR_CNAME_HOME'] = join(user.home, 'file/store')
    expect(await user.run('get', ECR)).toMatchObject({ exitCode: 0, stderr: '' })
    expect(await user.run('get', ECR)).toMatchObject({ exitCode: 0, stderr: '' })
    expect(mints(emulator)).toBe(2)
  })

  it('is told to those who ask for the log', async () => {
    const user = newUser(await emulated())
    Object.assign(user.env, { ECR_CNAME_HOME: '/proc/none', ECR_CNAME_LOG: 'debug' })
    const { exitCode, stderr } = await user.run('get', ECR)
    expect(exitCode).toBe(0)
    expect(stderr).toMatch(
      / debug asked .*\n.* debug minting .*\n.* warn {2}the token was not kept .*ENOENT/,
    )
  })

  it('costs a mint at each call and nothing else: no home at all', async () => {
    const emulator = await emulated()
    const user = newUser(emulator)
    Object.assign(user.env, { HOME: undefined, XDG_CACHE_HOME: '/proc/none' })
    expect(await user.run('get', ECR)).toMatchObject({ exitCode: 0, stderr: '' })
  })

  it('keeps what it had when the disk is full', async () => {
    const emulator = await emulated()
    const user = newUser(emulator)
    await user.secret(ECR)
    user.alter((entry) => ({
      ...entry,
      mintedAt: Date.now() - 11 * HOUR,
      expiresAt: Date.now() + 60_000,
    }))
    // No file may grow, which is what a full disk does to a writer.
    const full = `ulimit -f 0; trap '' XFSZ; exec "$0" "$@"`
    const { exitCode, stdout } = await runProgram(['sh', '-c', full, ...HELPER, 'get'], {
      env: user.env,
      input: ECR,
    })
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ Username: 'AWS' })
    expect(readdirSync(join(user.store, 'tokens')).filter((name) => name.endsWith('.tmp'))).toEqual(
      [],
    )
    expect(JSON.parse(readFileSync(user.tokens()[0] ?? '', 'utf8'))).toMatchObject({ v: 1 })
  })
})

describe(`${AT_ONCE} helpers at once on an expired token`, () => {
  it('make one call, and all answer', async () => {
    const emulator = await emulated()
    const user = newUser(emulator)
    await user.secret(ECR)
    user.alter((entry) => ({ ...entry, expiresAt: Date.now() - 1 }))
    emulator.calls.length = 0
    const secrets = await Promise.all(Array.from({ length: AT_ONCE }, () => user.secret(ECR)))
    expect(new Set(secrets).size).toBe(1)
    expect(mints(emulator)).toBe(1)
  })

  it('make one call also where there is no store yet', async () => {
    const emulator = await emulated()
    const user = newUser(emulator)
    const secrets = await Promise.all(Array.from({ length: AT_ONCE / 4 }, () => user.secret(ECR)))
    expect(new Set(secrets).size).toBe(1)
    expect(mints(emulator)).toBe(1)
  })

  it('lose nothing when the one that mints is killed: another takes over at once', async () => {
    const emulator = await emulated()
    const user = newUser(emulator)
    emulator.settings.faults.push({ service: 'ecr', kind: 'hang', times: 1 })
    const helpers = Array.from({ length: AT_ONCE / 4 }, () =>
      start([...HELPER, 'get'], { env: user.env, input: ECR }),
    )
    await eventually(() => mints(emulator) === 1)
    const lock =
      readdirSync(join(user.store, 'tokens')).find((name) => name.endsWith('.lock')) ?? ''
    const holder = Number.parseInt(readFileSync(join(user.store, 'tokens', lock), 'utf8'), 10)
    // The helper itself, or the full program that it handed over to.
    process.kill(holder, 'SIGKILL')
    const outcomes = await Promise.all(helpers.map(({ outcome }) => outcome))
    expect(outcomes.filter(({ signal }) => signal === 'SIGKILL')).toHaveLength(1)
    expect(outcomes.filter(({ exitCode }) => exitCode === 0)).toHaveLength(helpers.length - 1)
    expect(mints(emulator)).toBe(2)
  })
})
