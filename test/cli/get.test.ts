import { describe, expect, it } from 'vitest'
import {
  CNAME,
  ECR,
  emulated,
  mints,
  newUser,
  NOT_FOUND,
  signedRegions,
  writeTree,
} from '../support/user.ts'

const PAYLOAD = /^[\w+/=]{1000,}$/

describe('docker-credential-ecr-cname get', () => {
  it('mints for an ECR host, then answers from the store without any network', async () => {
    const emulator = await emulated()
    const user = newUser(emulator)
    const first = await user.run('get', ECR)
    expect(first).toMatchObject({ exitCode: 0, stderr: '' })
    expect(JSON.parse(first.stdout)).toEqual({
      ServerURL: ECR,
      Username: 'AWS',
      Secret: expect.stringMatching(PAYLOAD),
    })
    expect(emulator.calls).toHaveLength(1)
    await emulator.suspend('api')
    expect(await user.run('get', ECR)).toEqual(first)
  })

  it.each([
    ['exactly', CNAME, { registries: { [CNAME]: ECR } }],
    ['by wildcard', 'team.dkr.company.test', { registries: { '*.dkr.company.test': ECR } }],
    ['in the plain shape of earlier tools', CNAME, { [CNAME]: ECR }],
    ['with a port that no mapping names', `${CNAME}:5000`, { registries: { [CNAME]: ECR } }],
    ['with its port', `${CNAME}:5000`, { registries: { [`${CNAME}:5000`]: ECR } }],
    ['in capitals', 'Docker.COMPANY.test', { registries: { [CNAME]: ECR } }],
    ['by its A-label', 'bücher.test', { registries: { 'xn--bcher-kva.test': ECR } }],
  ])('maps a host %s', async (_, host, config) => {
    const emulator = await emulated()
    const user = newUser(emulator)
    user.configure(config)
    expect(await user.secret(host)).toMatch(PAYLOAD)
    expect(await user.secret(host)).toMatch(PAYLOAD)
    expect(mints(emulator)).toBe(1)
  })

  it('maps by ECR_CNAME_MAP', async () => {
    const user = newUser(await emulated())
    user.env['ECR_CNAME_MAP'] = `other.test=${ECR}, ${CNAME}=${ECR}`
    expect(await user.secret()).toMatch(PAYLOAD)
  })

  it('reads ECR_CNAME_CONFIG instead of the other files', async () => {
    const user = newUser(await emulated())
    user.configure({ registries: { [CNAME]: ECR } })
    writeTree(user.home, { 'own.json': '{}' })
    user.env['ECR_CNAME_CONFIG'] = `${user.home}/own.json`
    expect(await user.run('get', CNAME)).toMatchObject({ exitCode: 1, stdout: NOT_FOUND })
  })

  it('gives every port of a host one token, unless a mapping names the port', async () => {
    const emulator = await emulated()
    const user = newUser(emulator)
    user.configure({ registries: { [CNAME]: ECR } })
    const token = await user.secret(CNAME)
    expect(await user.secret(`${CNAME}:5000`)).toBe(token)
    const other = '210987654321.dkr.ecr.us-east-1.amazonaws.com'
    user.configure({ registries: { [CNAME]: ECR, [`${CNAME}:5000`]: other } })
    await user.secret(CNAME)
    await user.secret(`${CNAME}:5000`)
    expect(mints(emulator)).toBe(3)
    expect(user.tokens().filter((path) => path.includes('+5000@'))).toHaveLength(1)
  })

  it.each([
    'ghcr.io',
    `${ECR}.evil.example`,
    `evil-${CNAME}`,
    `user:pw@${CNAME}`,
    `${CNAME}\u0000`,
    'https://not.a.real.registry/url',
    '../../etc/passwd',
    '-',
  ])('lets the client go on without credentials for %j', async (serverUrl) => {
    const emulator = await emulated()
    const user = newUser(emulator)
    user.configure({ registries: { [CNAME]: ECR } })
    expect(await user.run('get', serverUrl)).toEqual({
      exitCode: 1,
      signal: null,
      stdout: NOT_FOUND,
      stderr: '',
    })
    expect(emulator.calls).toEqual([])
  })

  it('asks the API of the region in the host, for the account in it', async () => {
    const emulator = await emulated()
    const user = newUser(emulator)
    await user.secret('210987654321.dkr.ecr.eu-west-1.amazonaws.com')
    expect(signedRegions(emulator)).toEqual(['eu-west-1'])
  })

  it('has a token for the public gallery from its own API', async () => {
    const emulator = await emulated()
    const user = newUser(emulator)
    expect(await user.secret('public.ecr.aws')).toMatch(/./)
    expect(emulator.calls.map(({ service }) => service)).toEqual(['ecr-public'])
  })

  it('leaves the public gallery to anonymous pulls where there are no AWS credentials', async () => {
    const user = newUser(await emulated(), 'none')
    expect(await user.run('get', 'public.ecr.aws')).toEqual({
      exitCode: 1,
      signal: null,
      stdout: NOT_FOUND,
      stderr: '',
    })
  })

  it.each([
    [
      {},
      /^123456789012\.dkr\S+: no AWS credentials in the environment, in profile default, .*; set AWS_PROFILE/,
    ],
    [
      { AWS_PROFILE: 'gone' },
      /profile gone gives no credentials; see it with: aws configure list --profile gone/,
    ],
  ])('says what to do where there are no AWS credentials', async (env, line) => {
    const user = newUser(await emulated(), 'none')
    Object.assign(user.env, env)
    const outcome = await user.run('get', ECR)
    expect(outcome.exitCode).toBe(1)
    expect(outcome.stdout).toMatch(line)
    expect(outcome.stdout.split('\n')).toHaveLength(2)
    expect(outcome.stderr).toBe(outcome.stdout)
  })

  it.each([
    [
      'deny',
      { kind: 'deny' },
      /may not call ecr:GetAuthorizationToken; allow ecr:GetAuthorizationToken on resource \*/,
    ],
    ['throttle', { kind: 'throttle' }, /throttles/],
    ['a balancer out of order', { kind: 'status', status: 503, html: true }, /AWS answered 503/],
  ] as const)('says why AWS gave no token: %s', async (_, fault, line) => {
    const emulator = await emulated()
    const user = newUser(emulator)
    emulator.settings.faults.push({ service: 'ecr', ...fault })
    const { exitCode, stdout, stderr } = await user.run('get', ECR)
    expect(exitCode).toBe(1)
    expect(stdout).toMatch(line)
    expect(stderr).toBe(stdout)
  })

  it('is patient with an ECR that throttles, as when a whole fleet starts', async () => {
    const emulator = await emulated()
    const user = newUser(emulator)
    emulator.settings.faults.push({ service: 'ecr', kind: 'throttle', times: 5 })
    const { exitCode, stdout } = await user.run('get', ECR)
    expect({ exitCode, stdout }).toMatchObject({ exitCode: 0 })
    expect(mints(emulator)).toBe(6)
  })

  it('tries as often as AWS_MAX_ATTEMPTS says', async () => {
    const emulator = await emulated()
    const user = newUser(emulator)
    user.env['AWS_MAX_ATTEMPTS'] = '2'
    emulator.settings.faults.push({ service: 'ecr', kind: 'throttle' })
    expect(await user.run('get', ECR)).toMatchObject({ exitCode: 1 })
    expect(mints(emulator)).toBe(2)
  })

  it('names the endpoint that can not be reached', async () => {
    const emulator = await emulated()
    const user = newUser(emulator)
    await emulator.suspend('api')
    const { stdout } = await user.run('get', ECR)
    expect(stdout).toMatch(/can't reach 127\.0\.0\.1:\d+ \(ECONNREFUSED\); check the network/)
  })

  it.each([
    [{ AWS_ACCESS_KEY_ID: 'AKIAUNKNOWN' }, /does not know the access key; check AWS_ACCESS_KEY_ID/],
    [
      { AWS_SECRET_ACCESS_KEY: 'wrong-one' },
      /refused the request's signature; check the secret key/,
    ],
  ])('names the key that AWS refuses, never its secret', async (env, line) => {
    const user = newUser(await emulated())
    Object.assign(user.env, env)
    const { stdout, stderr } = await user.run('get', ECR)
    expect(stdout).toMatch(line)
    expect(stdout + stderr).not.toContain(user.env['AWS_SECRET_ACCESS_KEY'])
  })

  it('ends by itself within ten seconds when AWS never answers', async () => {
    const emulator = await emulated()
    const user = newUser(emulator)
    emulator.settings.faults.push({ service: 'ecr', kind: 'hang' })
    const { exitCode, stdout } = await user.run('get', ECR)
    expect(exitCode).toBe(1)
    expect(stdout).toMatch(/no answer from 127\.0\.0\.1:\d+ in time/)
  }, 12_000)
})
