import { chmodSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  CNAME,
  ECR,
  emulated,
  mints,
  newUser,
  NOT_FOUND,
  type User,
  writeTree,
} from '../support/user.ts'

function login(serverUrl: string, username = 'me', secret = 's3cret'): string {
  return JSON.stringify({ ServerURL: serverUrl, Username: username, Secret: secret })
}

async function mapped(): Promise<User> {
  const user = newUser(await emulated())
  user.configure({ registries: { [CNAME]: ECR } })
  return user
}

/** A helper that keeps what it is given in a file, and notes its calls. */
function withOtherHelper(user: User, script: string): void {
  writeTree(user.home, { 'bin/docker-credential-other': `#!/bin/sh\n${script}\n` })
  chmodSync(join(user.home, 'bin/docker-credential-other'), 0o755)
  user.env['PATH'] = `${user.home}/bin:${process.env['PATH']}`
  user.configure({ registries: { [CNAME]: ECR }, fallback: 'other' })
}

describe('logins of hosts that are not ours', () => {
  it('are stored, answered, listed and erased', async () => {
    const user = await mapped()
    expect(await user.run('store', login('https://index.docker.io/v1/'))).toMatchObject({
      exitCode: 0,
      stdout: '',
      stderr: '',
    })
    expect(JSON.parse((await user.run('get', 'https://index.docker.io/v1/')).stdout)).toEqual({
      ServerURL: 'https://index.docker.io/v1/',
      Username: 'me',
      Secret: 's3cret',
    })
    expect(JSON.parse((await user.run('list')).stdout)).toMatchObject({
      'https://index.docker.io/v1/': 'me',
    })
    expect(await user.run('erase', 'https://index.docker.io/v1/')).toMatchObject({
      exitCode: 0,
      stdout: '',
    })
    expect(await user.run('get', 'https://index.docker.io/v1/')).toMatchObject({
      exitCode: 1,
      stdout: NOT_FOUND,
    })
  })

  it('are for their owner alone', async () => {
    const user = await mapped()
    await user.run('store', login('ghcr.io'))
    expect(statSync(join(user.store, 'logins/ghcr.io.json')).mode & 0o777).toBe(0o600)
  })

  it.each(['https://ghcr.io', 'http://ghcr.io/', 'GHCR.io', 'ghcr.io:443'])(
    'of ghcr.io are found as %s',
    async (form) => {
      const user = await mapped()
      await user.run('store', login('ghcr.io'))
      expect(await user.secret(form)).toBe('s3cret')
    },
  )

  it('are kept apart by port and by path', async () => {
    const user = await mapped()
    await user.run('store', login('ghcr.io/team', 'team', 'of the team'))
    expect(await user.secret('ghcr.io/team')).toBe('of the team')
    expect(await user.run('get', 'ghcr.io')).toMatchObject({ stdout: NOT_FOUND })
    expect(await user.run('get', 'ghcr.io:5000')).toMatchObject({ stdout: NOT_FOUND })
  })

  it('take identity tokens, long secrets and text that is no ASCII', async () => {
    const user = await mapped()
    const secret = `${'ü'.repeat(20_000)}"\\\n`
    await user.run('store', login('ghcr.io', '<token>', secret))
    expect(JSON.parse((await user.run('get', 'ghcr.io')).stdout)).toMatchObject({
      Username: '<token>',
      Secret: secret,
    })
  })

  it('are never lost silently: a store that can not be written is one clear line', async () => {
    const user = await mapped()
    user.env['ECR_CNAME_HOME'] = '/proc/none'
    const { exitCode, stdout } = await user.run('store', login('ghcr.io'))
    expect(exitCode).toBe(1)
    expect(stdout).toMatch(
      /^the login for ghcr\.io can't be kept in \/proc\/none \(\w+\); .* set ECR_CNAME_HOME\n$/,
    )
    expect(stdout).not.toContain('s3cret')
  })

  it('are refused by fallback "none", which says how to keep them', async () => {
    const user = await mapped()
    user.configure({ registries: { [CNAME]: ECR }, fallback: 'none' })
    expect((await user.run('store', login('ghcr.io'))).stdout).toMatch(
      /"fallback" is "none".*set "fallback" to "file"/,
    )
    expect(await user.run('get', 'ghcr.io')).toMatchObject({
      exitCode: 1,
      stdout: NOT_FOUND,
      stderr: '',
    })
    expect(await user.run('erase', 'ghcr.io')).toMatchObject({ exitCode: 0 })
  })

  it('go to another helper by name', async () => {
    const user = await mapped()
    withOtherHelper(
      user,
      `case $1 in
get) cat > $HOME/asked; echo '{"ServerURL":"x","Username":"theirs","Secret":"th"}';;
store) cat > $HOME/stored;;
erase) cat > $HOME/erased;;
list) echo '{"ghcr.io":"theirs"}';;
esac`,
    )
    expect(JSON.parse((await user.run('get', 'https://ghcr.io/')).stdout)).toEqual({
      ServerURL: 'https://ghcr.io/',
      Username: 'theirs',
      Secret: 'th',
    })
    expect(await user.run('store', login('ghcr.io'))).toMatchObject({ exitCode: 0, stdout: '' })
    expect(await user.run('erase', 'ghcr.io')).toMatchObject({ exitCode: 0 })
    expect(JSON.parse((await user.run('list')).stdout)).toMatchObject({
      'ghcr.io': 'theirs',
      [CNAME]: 'AWS',
    })
    expect(await user.secret(CNAME)).toMatch(/./)
  })

  it('that the other helper does not have leave the client without credentials', async () => {
    const user = await mapped()
    withOtherHelper(user, 'echo credentials not found in native keychain; exit 1')
    expect(await user.run('get', 'ghcr.io')).toMatchObject({
      exitCode: 1,
      stdout: NOT_FOUND,
      stderr: '',
    })
  })

  it('that the other helper fails on are explained', async () => {
    const user = await mapped()
    withOtherHelper(user, 'echo the keychain is locked; exit 1')
    expect((await user.run('get', 'ghcr.io')).stdout).toBe(
      'docker-credential-other get failed: the keychain is locked\n',
    )
    expect(JSON.parse((await user.run('list')).stdout)).toEqual({ [CNAME]: 'AWS' })
  })

  it('end in time when the other helper hangs', async () => {
    const user = await mapped()
    withOtherHelper(user, 'exec sleep 60')
    expect(await user.run('get', 'ghcr.io')).toMatchObject({ exitCode: 1 })
  }, 12_000)

  it('name the other helper where it is not on PATH', async () => {
    const user = await mapped()
    user.configure({ fallback: 'missing' })
    expect((await user.run('get', 'ghcr.io')).stdout).toMatch(
      /^docker-credential-missing, .*, is not on PATH\n$/,
    )
  })
})

describe('docker login on a host of ours', () => {
  it('keeps a token that was made elsewhere until the expiry that it carries', async () => {
    const emulator = await emulated()
    const maker = newUser(emulator)
    const token = await maker.secret(ECR)
    const user = newUser(emulator, 'none')
    user.configure({ registries: { [CNAME]: ECR } })
    expect(await user.run('store', login(CNAME, 'AWS', token))).toMatchObject({
      exitCode: 0,
      stdout: '',
    })
    expect(await user.secret(CNAME)).toBe(token)
    user.alter((entry) => ({ ...entry, expiresAt: Date.now() - 1 }))
    expect(await user.run('get', CNAME)).toMatchObject({ exitCode: 1 })
  })

  it('leaves the age of a token that it only gives back', async () => {
    const user = await mapped()
    const token = await user.secret(CNAME)
    const [path = ''] = user.tokens()
    const before = readFileSync(path, 'utf8')
    await user.run('store', login(CNAME, 'AWS', token))
    expect(readFileSync(path, 'utf8')).toBe(before)
  })

  it('to a sidecar with clients of its own is answered in place of a minted token until erase', async () => {
    const emulator = await emulated()
    const user = newUser(emulator)
    user.configure({ registries: { [CNAME]: ECR } })
    await user.secret(CNAME)
    await user.run('store', login(CNAME, 'alice', 'pw'))
    expect(JSON.parse((await user.run('get', CNAME)).stdout)).toMatchObject({
      Username: 'alice',
      Secret: 'pw',
    })
    expect(JSON.parse((await user.run('get', `${CNAME}:5000`)).stdout)).toMatchObject({
      Username: 'alice',
    })
    expect(JSON.parse((await user.run('list')).stdout)).toEqual({ [CNAME]: 'alice' })
    await user.run('erase', CNAME)
    expect(JSON.parse((await user.run('get', CNAME)).stdout)).toMatchObject({ Username: 'AWS' })
    expect(mints(emulator)).toBe(2)
  })

  it('is undone by erase: the next get mints anew', async () => {
    const emulator = await emulated()
    const user = newUser(emulator)
    user.configure({ registries: { [CNAME]: ECR } })
    await user.secret(CNAME)
    for (const form of [`https://${CNAME}/v2/`, CNAME, `http://${CNAME}`, `https://${CNAME}`]) {
      expect(await user.run('erase', form)).toMatchObject({ exitCode: 0, stdout: '', stderr: '' })
    }
    await user.secret(CNAME)
    expect(mints(emulator)).toBe(2)
  })
})

describe('list', () => {
  it('is {} when there is nothing, and reads no stdin', async () => {
    const user = newUser(await emulated(), 'none')
    expect(await user.run('list', 'unused')).toEqual({
      exitCode: 0,
      signal: null,
      stdout: '{}\n',
      stderr: '',
    })
  })

  it('holds a mapped host where a get can be expected to answer, without asking anyone', async () => {
    const emulator = await emulated()
    const user = newUser(emulator)
    user.configure({ registries: { [CNAME]: ECR, '*.dkr.company.test': ECR, 'b.test:5000': ECR } })
    expect(JSON.parse((await user.run('list')).stdout)).toEqual({
      [CNAME]: 'AWS',
      'b.test:5000': 'AWS',
    })
    expect(emulator.calls).toEqual([])
  })

  it('leaves a mapped host out where there are no AWS credentials, or the last mint was refused', async () => {
    const emulator = await emulated()
    const poor = newUser(emulator, 'none')
    poor.configure({ registries: { [CNAME]: ECR } })
    expect((await poor.run('list')).stdout).toBe('{}\n')
    const denied = newUser(emulator)
    denied.configure({ registries: { [CNAME]: ECR } })
    emulator.settings.faults.push({ service: 'ecr', kind: 'deny' })
    await denied.run('get', CNAME)
    expect((await denied.run('list')).stdout).toBe('{}\n')
  })

  it('holds ECR hosts and wildcard hosts that have a token', async () => {
    const user = newUser(await emulated())
    user.configure({ registries: { '*.dkr.company.test': ECR } })
    await user.secret('a.dkr.company.test')
    await user.secret(ECR)
    expect(JSON.parse((await user.run('list')).stdout)).toEqual({
      'a.dkr.company.test': 'AWS',
      [ECR]: 'AWS',
    })
  })
})

describe('a broken configuration', () => {
  it.each([
    ['{\n  "registries": {\n}', /config\.json: line 3, column 2: expected JSON\n$/],
    [
      '{"registries":{"a.test":"docker.io"}}',
      /config\.json: registries\."a\.test": expected an ECR host such as/,
    ],
  ])('is one line that names file and place', async (text, line) => {
    const user = newUser(await emulated())
    writeTree(user.home, { '.config/ecr-cname/config.json': text })
    const { exitCode, stdout } = await user.run('get', CNAME)
    expect(exitCode).toBe(1)
    expect(stdout).toMatch(line)
    expect(await user.run('erase', CNAME)).toMatchObject({ exitCode: 0 })
  })

  it.each([
    [{ ECR_CNAME_CONFIG: '/gone.json' }, /^\/gone\.json: can't be read \(ENOENT\)/],
    [{ ECR_CNAME_MAP: 'a.test' }, /^ECR_CNAME_MAP: expected host=registry,…, got "a\.test"\n$/],
  ])('in the environment is one line too', async (env, line) => {
    const user = newUser(await emulated())
    Object.assign(user.env, env)
    expect((await user.run('get', CNAME)).stdout).toMatch(line)
  })
})
