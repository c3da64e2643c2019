import { describe, expect, it } from 'vitest'
import { startNameServer } from '../support/dns.ts'
import { CNAME, ECR, emulated, mints, newUser } from '../support/user.ts'
import { ecrCname, runHere, succeed } from './people.ts'

async function someone(config: unknown = { registries: { [CNAME]: ECR } }) {
  const emulator = await emulated()
  const user = newUser(emulator)
  user.configure(config)
  const file = `${user.home}/.config/ecr-cname/config.json`
  const facts = async (...args: readonly string[]) =>
    JSON.parse((await ecrCname(user, ['resolve', '--json', ...args])).stdout) as Record<
      string,
      unknown
    >
  return { emulator, user, file, facts }
}

describe('resolve', () => {
  it('tells rule, registry, identity and token, and asks nobody', async () => {
    const { user, file, emulator } = await someone()
    const before = await succeed(user, 'resolve', CNAME)
    await user.secret()
    const secret = await user.secret()
    const after = await succeed(user, 'resolve', CNAME)

    expect(before).toBe(
      [
        CNAME,
        '  rule          a mapping of this name',
        `  stands in     ${file}`,
        `  registry      ${ECR}`,
        '  account       123456789012',
        '  region        us-east-1 (aws)',
        '  AWS identity  key AKIAIOSFODNN7EXAMPLE (AWS_ACCESS_KEY_ID)',
        '  token kept    none; the next get mints one',
        '',
      ].join('\n'),
    )
    expect(after).toMatch(
      /token kept {4}\d+ s old, holds for 1[12] h.* \(fresh\)\n {2}in {12}\S+\.json\n/,
    )
    expect(after).not.toContain(secret)
    expect(mints(emulator)).toBe(1)
  })

  it('tells each rule by name', async () => {
    const { address } = await startNameServer({ 'led.zone.test': { CNAME: ECR } })
    const { user, file, facts } = await someone({
      registries: { '*.company.test': { registry: ECR, profile: 'prod', connect: '10.0.0.7' } },
      dns: { trustedZones: ['zone.test'], servers: [address] },
    })
    await user.run('store', JSON.stringify({ ServerURL: 'ghcr.io', Username: 'me', Secret: 's' }))

    expect(await facts(CNAME)).toMatchObject({
      rule: 'wildcard',
      mapping: '*.company.test',
      where: file,
      connect: '10.0.0.7:443',
      identity: 'profile prod',
    })
    expect(await facts(ECR)).toMatchObject({
      rule: 'ecr',
      account: '123456789012',
      partition: 'aws',
    })
    expect(await facts('led.zone.test')).toMatchObject({ rule: 'dns', registry: ECR })
    expect(await facts('public.ecr.aws')).toMatchObject({ rule: 'ecr', kind: 'public' })
    expect(await facts('ghcr.io')).toEqual({ host: 'ghcr.io', rule: 'fallback' })
    expect(await facts('quay.io')).toEqual({ host: 'quay.io', rule: 'none' })
  })

  it('asks AWS who that is with --aws', async () => {
    const { user, emulator } = await someone()

    expect(await succeed(user, 'resolve', '--aws', CNAME)).toContain(
      '  which is      arn:aws:iam::123456789012:user/developer\n',
    )
    expect(emulator.calls.map(({ operation }) => operation)).toEqual(['GetCallerIdentity'])
  })

  it('tells the login that is answered in place of a token', async () => {
    const { user } = await someone()
    await user.run(
      'store',
      JSON.stringify({ ServerURL: CNAME, Username: 'alice', Secret: 'hidden' }),
    )
    const said = await succeed(user, 'resolve', CNAME)

    expect(said).toContain('  login kept    of alice, answered in place of a token\n')
    expect(said).not.toContain('hidden')
  })

  it('tells what to do for a name that is not ours, and fails', async () => {
    const { user } = await someone()
    const { exitCode, stdout } = await ecrCname(user, ['resolve', 'quay.io'])

    expect(exitCode).toBe(1)
    expect(stdout).toContain('next  ecr-cname map add quay.io\n')
  })

  it('says in one line what AWS refuses', async () => {
    const { user } = await someone()
    user.env['AWS_SECRET_ACCESS_KEY'] = 'wrong'
    const { exitCode, stderr } = await ecrCname(user, ['resolve', '--aws', CNAME])

    expect(exitCode).toBe(1)
    expect(stderr).toMatch(/^ecr-cname: STS in us-east-1: AWS refused the request's signature.*\n$/)
  })

  it('tells what it knows before it says that STS can’t be reached', async () => {
    const { user } = await someone()
    user.env['AWS_ENDPOINT_URL_STS'] = 'http://127.0.0.1:1'
    const told = await succeed(user, 'resolve', CNAME)
    const { exitCode, stdout, stderr } = await ecrCname(user, ['resolve', '--aws', CNAME])

    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: told })
    expect(stderr).toMatch(/^ecr-cname: STS in us-east-1: .*\n$/)
    const asked = await ecrCname(user, ['resolve', '--aws', '--json', CNAME])
    expect(asked.exitCode).toBe(1)
    expect(JSON.parse(asked.stdout)).toEqual(
      JSON.parse(await succeed(user, 'resolve', '--json', CNAME)),
    )
  })

  it.each([
    [{}, true],
    [{ NO_COLOR: '1' }, false],
    [{ TERM: 'dumb' }, false],
  ])('shows colour on a terminal, with %j: %s', async (env, isColoured) => {
    const { user } = await someone()
    Object.assign(user.env, env)
    const { stdout } = await runHere(user, ['resolve', CNAME], { stdoutIsTerminal: true })

    expect(stdout.includes('\x1b[')).toBe(isColoured)
  })
})
