import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { lackOf } from '../support/installed.ts'
import { needs } from '../support/needs.ts'
import { ECR_CNAME, runProgram, start } from '../support/program.ts'
import {
  CNAME,
  ECR,
  emulated,
  eventually,
  mints,
  newUser,
  type User,
  writeTree,
} from '../support/user.ts'
import { ecrCname, has, install, loginIn, read, readJson, runHere, succeed } from './people.ts'

const OTHER = '210987654321.dkr.ecr.eu-west-1.amazonaws.com'
const ROLE = 'arn:aws:iam::123456789012:role/build'

type Config = { readonly auths: Readonly<Record<string, { readonly auth: string }>> }

async function mapped(registries: object = { [CNAME]: ECR }) {
  const emulator = await emulated()
  const user = newUser(emulator)
  user.configure({ registries })
  return { emulator, user, path: join(user.home, 'out/config.json') }
}

const lackOfRoot = () => (process.getuid?.() === 0 ? undefined : 'not root')

function auths(user: User, file = 'out/config.json') {
  return (readJson(user, file) as Config).auths
}

describe('dockercfg', () => {
  it('writes logins to all mapped names and to the ECR hosts behind them', async () => {
    const { user, path } = await mapped({
      [CNAME]: ECR,
      'eu.company.test:5000': OTHER,
      '*.w.test': ECR,
    })
    expect(await succeed(user, 'dockercfg', path)).toBe('')

    const secret = await user.secret()
    expect(Object.keys(auths(user)).sort()).toEqual(
      [ECR, OTHER, CNAME, 'eu.company.test:5000'].sort(),
    )
    expect(loginIn(auths(user)[CNAME]?.auth ?? '')).toEqual(['AWS', secret])
    expect(auths(user)[ECR]).toEqual(auths(user)[CNAME])
    expect(statSync(path).mode & 0o777).toBe(0o600)
  })

  it('prints it where no path is given, or a dash', async () => {
    const { user } = await mapped()
    const printed = await succeed(user, 'dockercfg')

    expect(Object.keys((JSON.parse(printed) as Config).auths)).toEqual([ECR, CNAME])
    expect(await succeed(user, 'dockercfg', '-')).toBe(printed)
  })

  it('writes a login of any letters that is kept for a name', async () => {
    const { user, path } = await mapped()
    const login = { ServerURL: CNAME, Username: 'zoë', Secret: 'p€ss' }
    await user.run('store', JSON.stringify(login))
    await succeed(user, 'dockercfg', path)

    const { auth = '' } = auths(user)[CNAME] ?? {}
    expect(Buffer.from(auth, 'base64').toString()).toBe('zoë:p€ss')
  })

  it('says what to do where nothing is mapped and no region is named', async () => {
    const { user, path } = await mapped({})
    delete user.env['AWS_REGION']
    delete user.env['AWS_DEFAULT_REGION']
    const { exitCode, stderr } = await ecrCname(user, ['dockercfg', path])

    expect([exitCode, stderr]).toEqual([
      2,
      'ecr-cname: nothing is mapped and no region is named; map a name: ecr-cname map add HOST REGISTRY, or set AWS_REGION\n',
    ])
  })

  it('is for the named hosts alone with --host', async () => {
    const { user, path } = await mapped({ [CNAME]: ECR, 'eu.company.test': OTHER })
    await succeed(user, 'dockercfg', '--host', 'eu.company.test', path)

    expect(Object.keys(auths(user))).toEqual([OTHER, 'eu.company.test'])
  })

  it('leaves other registries, other keys and the layout as they were', async () => {
    const { user, path } = await mapped()
    const before = `{\n\t"auths": {\n\t\t"ghcr.io": { "auth": "bWU6aXQ=" }\n\t},\n\t"psFormat":  "x"\n}\n`
    writeTree(user.home, { 'out/config.json': before })
    await succeed(user, 'dockercfg', path)

    expect(read(user, 'out/config.json')).toContain('"ghcr.io": { "auth": "bWU6aXQ=" }')
    expect(read(user, 'out/config.json')).toContain('\t"psFormat":  "x"\n}\n')
    expect(Object.keys(auths(user)).sort()).toEqual([ECR, CNAME, 'ghcr.io'].sort())
  })

  it('loses none of the logins of many that write the same file at once', async () => {
    const names = Array.from({ length: 8 }, (_, index) => `h${index}.test`)
    const { user, path } = await mapped(Object.fromEntries(names.map((name) => [name, ECR])))
    await Promise.all(names.map((name) => succeed(user, 'dockercfg', '--host', name, path)))

    expect(Object.keys(auths(user)).sort()).toEqual([ECR, ...names].sort())
  })

  it('keeps the permissions of a file, unless told otherwise', async () => {
    const { user, path } = await mapped()
    writeTree(user.home, { 'out/config.json': '' })
    chmodSync(path, 0o640)
    await succeed(user, 'dockercfg', path)
    expect(statSync(path).mode & 0o777).toBe(0o640)

    await succeed(user, 'dockercfg', '--mode', '0644', path)
    expect(statSync(path).mode & 0o777).toBe(0o644)
  })

  it('writes through a link', async () => {
    const { user } = await mapped()
    writeTree(user.home, { 'real.json': '{}' })
    symlinkSync(join(user.home, 'real.json'), join(user.home, 'link.json'))
    await succeed(user, 'dockercfg', join(user.home, 'link.json'))

    expect(auths(user, 'real.json')).toHaveProperty([CNAME])
  })

  it('says so where docker would not read the logins', async () => {
    const { user, path } = await mapped()
    writeTree(user.home, { 'out/config.json': '{"credsStore":"desktop"}' })
    const { exitCode, stderr } = await ecrCname(user, ['dockercfg', path])

    expect(exitCode).toBe(0)
    expect(stderr).toContain('names a credential helper for')
  })

  it('touches no file that is broken, and says where it is', async () => {
    const { user, path } = await mapped()
    writeTree(user.home, { 'out/config.json': '{\n  "auths": {,}\n}' })
    const { exitCode, stderr } = await ecrCname(user, ['dockercfg', path])

    expect([exitCode, stderr]).toEqual([
      1,
      `ecr-cname: ${path}: line 2, column 13: expected JSON\n`,
    ])
    expect(read(user, 'out/config.json')).toBe('{\n  "auths": {,}\n}')
  })

  it('writes nothing where one of the logins is lacking', async () => {
    const { user, path } = await mapped({
      [CNAME]: ECR,
      'b.test': { registry: OTHER, profile: 'nobody' },
    })
    const { exitCode, stderr } = await ecrCname(user, ['dockercfg', path])

    expect(exitCode).toBe(1)
    expect(stderr).toMatch(/^ecr-cname: .*profile nobody gives no credentials.*\n$/)
    expect(has(user, 'out/config.json')).toBe(false)
  })

  it('says what to mount where the file alone is mounted', async (context) => {
    needs(context, lackOf('unshare', 'util-linux') ?? lackOfRoot())
    const { user } = await mapped()
    writeTree(user.home, { 'a.json': '{}', 'out/b.json': '{}' })
    const script = 'mount --bind a.json out/b.json && exec "$0" dockercfg out/b.json'
    const { exitCode, stderr } = await runProgram(
      ['/usr/bin/unshare', '-m', '/bin/sh', '-c', script, ECR_CNAME],
      { env: user.env, cwd: user.home },
    )

    expect([exitCode, stderr]).toEqual([
      1,
      "ecr-cname: out/b.json: can't be replaced, for it is mounted itself (EBUSY); mount its folder\n",
    ])
  })

  it('says that a folder can not be written', async () => {
    const { user } = await mapped()
    const { exitCode, stderr } = await ecrCname(user, ['dockercfg', '/proc/config.json'])

    expect(exitCode).toBe(1)
    expect(stderr).toMatch(/^ecr-cname: \/proc\/config\.json: can't be written \(E\w+\)/)
  })

  it.each([
    ['two paths', ['a', 'b'], 'expected one PATH'],
    ['a path that is empty, which prints no login', [''], 'expected a PATH, or - for stdout'],
    ['a host that is none', ['--host', 'a b'], 'a b: expected a host'],
    ['an archive on stdout', ['--format', 'dcos'], 'expects a PATH'],
    ['permissions that are none', ['--mode', 'rw'], '--mode: expected permissions'],
    ['a name that Kubernetes refuses', ['--format', 'secret', '--name', 'A_b'], '--name: expected'],
    ['a name of parts that are none', ['--format', 'secret', '--name', 'a..b'], '--name: expected'],
    ['nothing to watch', ['--watch'], '--watch expects a PATH'],
  ])('refuses %s', async (_, args, text) => {
    const { user } = await mapped()
    const { exitCode, stdout, stderr } = await ecrCname(user, ['dockercfg', ...args])

    expect([exitCode, stdout, stderr.includes(text)]).toEqual([2, '', true])
  })
})

describe("dockercfg in place of Codeship's generator", () => {
  it("is for the caller's own registry in AWS_REGION", async () => {
    const { user, path } = await mapped({})
    user.env['AWS_REGION'] = 'eu-west-1'
    await succeed(user, 'dockercfg', path)

    expect(Object.keys(auths(user))).toEqual(['123456789012.dkr.ecr.eu-west-1.amazonaws.com'])
  })

  it('assumes AWS_STS_ROLE in AWS_STS_ACCOUNT', async () => {
    const { user, path, emulator } = await mapped({})
    Object.assign(user.env, { AWS_STS_ROLE: 'build', AWS_STS_ACCOUNT: '123456789012' })
    await succeed(user, 'dockercfg', path)

    const asked = emulator.calls.filter(({ operation }) =>
      ['GetCallerIdentity', 'GetAuthorizationToken'].includes(operation),
    )
    const session = 'arn:aws:sts::123456789012:assumed-role/build/aws_docker_creds'
    expect(asked.map(({ principal }) => principal)).toEqual([session, session])
    expect(Object.keys(auths(user))).toEqual([ECR])
  })

  it('takes the role for one of the partition of its region', async () => {
    const { user, path } = await mapped({})
    delete user.env['AWS_REGION']
    const china = { AWS_DEFAULT_REGION: 'cn-north-1', AWS_STS_ROLE: 'build' }
    Object.assign(user.env, china, { AWS_STS_ACCOUNT: '123456789012' })
    const { stderr } = await ecrCname(user, ['dockercfg', path])

    expect(stderr).toContain('arn:aws-cn:iam::123456789012:role/build')
  })

  it('leaves a mapping the role that it names itself', async () => {
    const partner = {
      registry: OTHER,
      roleArn: ROLE.replace('build', 'partner'),
      externalId: 'partner-42',
    }
    const { user, path, emulator } = await mapped({ [CNAME]: partner })
    Object.assign(user.env, { AWS_STS_ROLE: ROLE })
    await succeed(user, 'dockercfg', path)

    const minted = emulator.calls.find(({ operation }) => operation === 'GetAuthorizationToken')
    expect(minted?.principal).toContain('assumed-role/partner/')
  })

  it('is for the public gallery with ECR_PUBLIC', async () => {
    const { user, path } = await mapped({})
    user.env['ECR_PUBLIC'] = 'true'
    await succeed(user, 'dockercfg', path)

    expect(Object.keys(auths(user))).toEqual(['public.ecr.aws'])
  })

  it('needs both the role and its account', async () => {
    const { user, path } = await mapped({})
    user.env['AWS_STS_ROLE'] = 'build'
    const { exitCode, stderr } = await ecrCname(user, ['dockercfg', path])

    expect([exitCode, stderr]).toEqual([
      2,
      'ecr-cname: AWS_STS_ROLE and AWS_STS_ACCOUNT: expected a role and the twelve digits of its account\n',
    ])
  })
})

describe('dockercfg --format', () => {
  it('secret prints a secret of the type that Kubernetes pulls with', async () => {
    const { user } = await mapped()
    const flags = ['--format', 'secret', '--name', '0123', '--namespace', 'team-a']
    const secret = parseYaml(await succeed(user, 'dockercfg', ...flags)) as {
      readonly data: Readonly<Record<string, string>>
    }

    expect(secret).toMatchObject({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: '0123', namespace: 'team-a' },
      type: 'kubernetes.io/dockerconfigjson',
    })
    const config = JSON.parse(atob(secret.data['.dockerconfigjson'] ?? '')) as Config
    expect(Object.keys(config.auths)).toEqual([ECR, CNAME])
  })

  it('dcos writes an archive of .docker/config.json, the same bytes each time', async () => {
    const { user } = await mapped()
    const [one, two] = ['one.tar.gz', 'two.tar.gz'].map((name) => join(user.home, name)) as [
      string,
      string,
    ]
    await succeed(user, 'dockercfg', '--format', 'dcos', one)
    await succeed(user, 'dockercfg', '--format', 'dcos', two)

    expect(readFileSync(one).equals(readFileSync(two))).toBe(true)
    mkdirSync(join(user.home, 'sandbox'))
    execFileSync('tar', ['-xzf', one, '-C', join(user.home, 'sandbox')])
    expect(Object.keys(auths(user, 'sandbox/.docker/config.json'))).toEqual([ECR, CNAME])
  })
})

describe('dockercfg --watch', () => {
  it('writes, tells systemd, and ends cleanly on SIGTERM', async () => {
    const { user, path } = await mapped()
    install(user, { 'systemd-notify': 'echo "$*" >$HOME/notified' })
    user.env['NOTIFY_SOCKET'] = '/run/systemd/notify'
    const running = start([ECR_CNAME, 'dockercfg', '--watch', path], user)
    await eventually(() => has(user, 'notified'))
    running.kill('SIGTERM')

    expect(await running.outcome).toMatchObject({ exitCode: 0, stdout: '' })
    expect(read(user, 'notified')).toBe('--ready\n')
    expect(auths(user)).toHaveProperty([CNAME])
  })

  it('ends at once on SIGTERM while AWS lets it wait', async () => {
    const { user, path, emulator } = await mapped()
    emulator.settings.faults.push({ service: 'ecr', kind: 'hang' })
    const running = start([ECR_CNAME, 'dockercfg', '--watch', path], user)
    await eventually(() => mints(emulator) === 1)
    running.kill('SIGTERM')

    expect(await running.outcome).toMatchObject({ exitCode: 0, stdout: '' })
  })

  it('renews ahead of expiry, once that is due and a little later', async () => {
    const { user, path, emulator } = await mapped()
    const clock = watched()
    const ended = runHere(user, ['dockercfg', '--watch', path], clock.world)
    await eventually(() => clock.waits.length === 1)
    const before = read(user, 'out/config.json')
    // Half of twelve hours, and half of a tenth of the other half.
    clock.pass(6 * 3_600_000 * 1.04)
    await eventually(() => clock.waits.length === 2)
    expect(mints(emulator)).toBe(1)
    clock.pass(6 * 3_600_000 * 0.02)
    await eventually(() => clock.waits.length === 3)
    clock.stop()
    const { exitCode, stderr } = await ended
    expect([exitCode, stderr]).toEqual([0, expect.stringContaining('"seconds":22680}')])
    expect(mints(emulator)).toBe(2)
    expect(read(user, 'out/config.json')).not.toBe(before)
  })

  it('looks at the clock each minute, for a machine that sleeps stops its timers', async () => {
    const { user, path } = await mapped()
    const clock = watched()
    const ended = runHere(user, ['dockercfg', '--watch', path], clock.world)
    await eventually(() => clock.waits.length === 1)
    clock.stop()
    await ended

    expect(clock.waits).toEqual([60_000])
  })

  it('waits an hour where each new token has expired by a clock far ahead, and says so', async () => {
    const { user, path, emulator } = await mapped()
    const clock = watched()
    clock.pass(36 * 3_600_000)
    const ended = runHere(user, ['dockercfg', '--watch', path], clock.world)
    await eventually(() => clock.waits.length === 1)
    clock.pass(3_600_000)
    await eventually(() => clock.waits.length === 2)
    clock.pass(600_000)
    await eventually(() => clock.waits.length === 3)
    clock.stop()
    const { stderr } = await ended
    expect(mints(emulator)).toBe(2)
    expect(stderr.split('\n').filter((line) => line.includes('clock'))).toHaveLength(2)
    expect(stderr).toContain("this machine's clock may be wrong")
  })

  it('waits no longer where the clock is set back', async () => {
    const { user, path, emulator } = await mapped()
    const clock = watched()
    const ended = runHere(user, ['dockercfg', '--watch', path], clock.world)
    await eventually(() => clock.waits.length === 1)
    clock.pass(-24 * 3_600_000)
    // Half of twelve hours, and half of a tenth of the other half, of a minute each.
    for (let slices = 2; slices <= 379; slices++) {
      await eventually(() => clock.waits.length === slices)
      clock.pass(60_000)
    }
    clock.stop()
    await ended
    expect(mints(emulator)).toBe(2)
  })

  it('keeps the file where a renewal fails, says so, and tries again later and later', async () => {
    const { user, path, emulator } = await mapped()
    const clock = watched()
    const ended = runHere(user, ['dockercfg', '--watch', path], clock.world)
    await eventually(() => clock.waits.length === 1)
    const before = read(user, 'out/config.json')
    await emulator.suspend('api')
    for (const tries of [2, 3]) {
      clock.pass(6.5 * 3_600_000)
      await eventually(() => clock.waits.length === tries)
    }
    clock.stop()

    const { stderr } = await ended
    expect(read(user, 'out/config.json')).toBe(before)
    expect(stderr).toContain('no new login')
    expect(clock.waits.slice(1)).toEqual([1500, 3000])
    expect(stderr).not.toContain(loginIn(auths(user)[CNAME]?.auth ?? '')[1])
  })
})

/** A clock that goes on when a test says so, and whoever waits for it. */
function watched() {
  const waits: number[] = []
  const stopping = new AbortController()
  let time = Date.now()
  let act: () => void = () => {}
  return {
    waits,
    stop: () => stopping.abort(),
    pass(ms: number) {
      time += ms
      act()
    },
    world: {
      now: () => time,
      after: (ms: number, then: () => void) => {
        waits.push(ms)
        act = then
        return () => {}
      },
      stop: stopping.signal,
    },
  }
}
