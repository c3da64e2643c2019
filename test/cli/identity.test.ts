import { describe, expect, it } from 'vitest'
import { CREDENTIAL_KINDS } from '../emulator/environment.ts'
import { CNAME, ECR, emulated, mints, newUser, signedRegions, writeTree } from '../support/user.ts'

const KEYS = {
  developer: ['AKIAIOSFODNN7EXAMPLE', 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY'],
  other: ['AKIAOTHER', 'other-secret'],
} as const

function profile(name: keyof typeof KEYS): string {
  const [id, secret] = KEYS[name]
  return `aws_access_key_id = ${id}\naws_secret_access_key = ${secret}\n`
}

async function withTwoPeople() {
  const emulator = await emulated()
  const [id, secret] = KEYS.other
  emulator.settings.keys[id] = { secret, arn: 'arn:aws:iam::123456789012:user/other' }
  return emulator
}

function principals(emulator: Awaited<ReturnType<typeof emulated>>) {
  return emulator.calls
    .filter(({ operation }) => operation === 'GetAuthorizationToken')
    .map(({ principal }) => principal?.replace(/^.*::\d+:/, '').replace(/\/[^/]*session.*$/, ''))
}

describe('AWS credentials', () => {
  it.each(CREDENTIAL_KINDS.filter((kind) => kind !== 'none'))(
    'are found in %s, and asked for only when a token is minted',
    async (kind) => {
      const emulator = await emulated()
      const user = newUser(emulator, kind)
      const { AWS_CONFIG_FILE } = user.env
      if (kind === 'sso') user.env['HOME'] = AWS_CONFIG_FILE?.replace(/\/config$/, '')
      const token = await user.secret(ECR)
      const calls = emulator.calls.length
      expect(await user.secret(ECR)).toBe(token)
      expect(emulator.calls).toHaveLength(calls)
    },
  )

  it('are found by a credential_process', async () => {
    const user = newUser(await emulated(), 'none')
    const [AccessKeyId, SecretAccessKey] = KEYS.developer
    const keys = JSON.stringify({ Version: 1, AccessKeyId, SecretAccessKey })
    writeTree(user.home, {
      'keys.json': keys,
      config: `[profile p]\ncredential_process = cat ${user.home}/keys.json\n`,
    })
    Object.assign(user.env, { AWS_CONFIG_FILE: `${user.home}/config`, AWS_PROFILE: 'p' })
    expect(await user.secret(ECR)).toMatch(/./)
  })

  it('of a credential_process that fails are explained without what it printed', async () => {
    const user = newUser(await emulated(), 'none')
    writeTree(user.home, {
      config: '[profile p]\ncredential_process = sh -c "echo hush >&2; exit 1"\n',
    })
    Object.assign(user.env, { AWS_CONFIG_FILE: `${user.home}/config`, AWS_PROFILE: 'p' })
    const { stdout, stderr } = await user.run('get', ECR)
    expect(stdout).toMatch(/credential_process of profile p failed; run it by hand/)
    expect(stdout + stderr).not.toContain('hush')
  })

  it('of an SSO session that is over name the command that renews it', async () => {
    const emulator = await emulated()
    const user = newUser(emulator, 'none')
    writeTree(user.home, {
      config:
        '[profile p]\nsso_start_url = https://emulated.awsapps.com/start\nsso_region = us-east-1\nsso_account_id = 123456789012\nsso_role_name = sso\n',
    })
    Object.assign(user.env, { AWS_CONFIG_FILE: `${user.home}/config`, AWS_PROFILE: 'p' })
    expect((await user.run('get', ECR)).stdout).toMatch(/run: aws sso login --profile p$/m)
  })

  it('of a role come by STS, with the externalId that it asks for', async () => {
    const emulator = await emulated()
    const user = newUser(emulator)
    const roleArn = 'arn:aws:iam::123456789012:role/partner'
    user.configure({
      registries: {
        [CNAME]: { registry: ECR, roleArn, externalId: 'partner-42', roleSessionName: 'ci' },
      },
    })
    await user.secret()
    expect(emulator.calls.map(({ operation }) => operation)).toEqual([
      'AssumeRole',
      'GetAuthorizationToken',
    ])
    expect(emulator.calls[1]?.principal).toBe('arn:aws:sts::123456789012:assumed-role/partner/ci')
  })

  it('of a role that may not be assumed name the role and what to check', async () => {
    const emulator = await emulated()
    const user = newUser(emulator)
    const roleArn = 'arn:aws:iam::123456789012:role/partner'
    user.configure({ registries: { [CNAME]: { registry: ECR, roleArn } } })
    expect((await user.run('get', CNAME)).stdout).toMatch(
      /may not assume arn:aws:iam::123456789012:role\/partner; allow sts:AssumeRole and check the role's trust policy and externalId/,
    )
  })

  it('of a profile that a mapping names are that profile or none: never the next in the chain', async () => {
    const emulator = await emulated()
    const user = newUser(emulator)
    user.configure({ registries: { [CNAME]: { registry: ECR, profile: 'gone' } } })
    const { exitCode, stdout } = await user.run('get', CNAME)
    expect(exitCode).toBe(1)
    expect(stdout).toMatch(/profile gone gives no credentials/)
    expect(mints(emulator)).toBe(0)
  })
})

describe('a token', () => {
  it('is never served to another key id', async () => {
    const emulator = await withTwoPeople()
    const user = newUser(emulator)
    await user.secret(ECR)
    const [id, secret] = KEYS.other
    Object.assign(user.env, { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret })
    await user.secret(ECR)
    expect(principals(emulator)).toEqual(['user/developer', 'user/other'])
  })

  it('is never served to another profile', async () => {
    const emulator = await withTwoPeople()
    const user = newUser(emulator, 'none')
    writeTree(user.home, { keys: `[a]\n${profile('developer')}[b]\n${profile('other')}` })
    user.env['AWS_SHARED_CREDENTIALS_FILE'] = `${user.home}/keys`
    for (const name of ['a', 'b', 'a']) {
      user.env['AWS_PROFILE'] = name
      await user.secret(ECR)
    }
    expect(principals(emulator)).toEqual(['user/developer', 'user/other'])
  })

  it('is never served after the credentials file was edited', async () => {
    const emulator = await withTwoPeople()
    const user = newUser(emulator, 'none')
    user.env['AWS_SHARED_CREDENTIALS_FILE'] = `${user.home}/keys`
    for (const name of ['developer', 'other'] as const) {
      writeTree(user.home, { keys: `[default]\n${profile(name)}` })
      await user.secret(ECR)
    }
    expect(principals(emulator)).toEqual(['user/developer', 'user/other'])
  })

  it('is never served to a role that a mapping was given later', async () => {
    const emulator = await emulated()
    const user = newUser(emulator)
    user.configure({ registries: { [CNAME]: ECR } })
    await user.secret()
    const roleArn = 'arn:aws:iam::123456789012:role/build'
    user.configure({ registries: { [CNAME]: { registry: ECR, roleArn } } })
    await user.secret()
    expect(mints(emulator)).toBe(2)
  })

  it('is never served after the mapping was changed to another registry', async () => {
    const emulator = await emulated()
    const user = newUser(emulator)
    for (const region of ['us-east-1', 'eu-west-1']) {
      user.env['ECR_CNAME_MAP'] = `${CNAME}=123456789012.dkr.ecr.${region}.amazonaws.com`
      await user.secret()
    }
    expect(signedRegions(emulator)).toEqual(['us-east-1', 'eu-west-1'])
  })

  it('is never served to another web identity', async () => {
    const emulator = await emulated()
    const user = newUser(emulator, 'web-identity')
    writeTree(user.home, { token: emulator.settings.webIdentityToken })
    user.env['AWS_WEB_IDENTITY_TOKEN_FILE'] = `${user.home}/token`
    await user.secret(ECR)
    emulator.settings.webIdentityToken = 'another.web.identity'
    writeTree(user.home, { token: 'another.web.identity' })
    await user.secret(ECR)
    expect(mints(emulator)).toBe(2)
  })
})
