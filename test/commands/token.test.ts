import { describe, expect, it } from 'vitest'
import { ECR_CNAME, start } from '../support/program.ts'
import { CNAME, ECR, emulated, eventually, mints, newUser } from '../support/user.ts'
import { ecrCname, succeed } from './people.ts'

async function mapped() {
  const emulator = await emulated()
  const user = newUser(emulator)
  user.configure({ registries: { [CNAME]: ECR } })
  return { emulator, user }
}

describe('token', () => {
  it('prints the password alone, which is what get answers', async () => {
    const { user, emulator } = await mapped()
    const { stdout, stderr, exitCode } = await ecrCname(user, ['token', `https://${CNAME}/v2/`])

    expect([exitCode, stderr]).toEqual([0, ''])
    expect(stdout).toBe(`${await user.secret()}\n`)
    expect(mints(emulator)).toBe(1)
  })

  it('prints what is known of it with --json', async () => {
    const { user } = await mapped()
    const told = JSON.parse(await succeed(user, 'token', '--json', CNAME)) as { expiresAt: string }

    expect(told).toEqual({
      host: CNAME,
      registry: ECR,
      username: 'AWS',
      password: await user.secret(),
      expiresAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as string,
      identity: 'key AKIAIOSFODNN7EXAMPLE (AWS_ACCESS_KEY_ID)',
    })
    expect(Date.parse(told.expiresAt)).toBeGreaterThan(Date.now())
  })

  it('prints a header that a registry takes with --header', async () => {
    const { user } = await mapped()
    const basic = btoa(`AWS:${await user.secret()}`)

    expect(await succeed(user, 'token', '--header', CNAME)).toBe(`Authorization: Basic ${basic}\n`)
  })

  it('tells the port of a name that has one', async () => {
    const { user } = await mapped()
    const told: unknown = JSON.parse(await succeed(user, 'token', '--json', `${CNAME}:5000`))

    expect(told).toMatchObject({ host: `${CNAME}:5000` })
  })

  it('writes a login of any letters into a header', async () => {
    const { user } = await mapped()
    const login = { ServerURL: CNAME, Username: 'zoë', Secret: 'p€ss' }
    await user.run('store', JSON.stringify(login))
    const header = await succeed(user, 'token', '--header', CNAME)

    expect(Buffer.from(header.slice(21), 'base64').toString()).toBe('zoë:p€ss')
  })

  it('answers the login that is kept for the name, as get does', async () => {
    const { user } = await mapped()
    const login = { ServerURL: CNAME, Username: 'alice', Secret: 'of-the-sidecar' }
    await user.run('store', JSON.stringify(login))

    expect(await succeed(user, 'token', CNAME)).toBe('of-the-sidecar\n')
    expect(JSON.parse(await succeed(user, 'token', '--json', CNAME))).toMatchObject({
      username: 'alice',
      expiresAt: null,
    })
  })

  it('mints as a role that is named, and keeps no token of it', async () => {
    const { user, emulator } = await mapped()
    const role = 'arn:aws:iam::123456789012:role/build'
    await succeed(user, 'token', '--role-arn', role, CNAME)

    const minted = emulator.calls.find(({ operation }) => operation === 'GetAuthorizationToken')
    expect(minted?.principal).toContain('assumed-role/build/')
    expect(user.tokens()).toEqual([])
  })

  it.each([
    [
      'a host that is not ours',
      'ghcr.io',
      1,
      'neither mapped nor an ECR host; map it: ecr-cname map add ghcr.io',
    ],
    ['no host at all', 'https://a b/', 2, 'expected a host such as docker.company.com'],
  ])('refuses %s', async (_, host, code, text) => {
    const { user } = await mapped()
    const { exitCode, stdout, stderr } = await ecrCname(user, ['token', host])

    expect([exitCode, stdout]).toEqual([code, ''])
    expect(stderr).toContain(text)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })

  it('says in one line what is lacking where there are no credentials', async () => {
    const user = newUser(await emulated(), 'none')
    const { exitCode, stdout, stderr } = await ecrCname(user, ['token', ECR])

    expect([exitCode, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^ecr-cname: .*: no AWS credentials in the environment.*\n$/)
  })

  it('is ended by Ctrl-C at once, while AWS lets it wait', async () => {
    const { user, emulator } = await mapped()
    emulator.settings.faults.push({ service: 'ecr', kind: 'hang' })
    const running = start([ECR_CNAME, 'token', CNAME], { env: user.env })
    await eventually(() => mints(emulator) > 0)
    running.kill('SIGINT')

    expect(await running.outcome).toMatchObject({ signal: 'SIGINT', stdout: '' })
  })
})
