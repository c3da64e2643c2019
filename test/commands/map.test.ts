import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { startNameServer, type Zone } from '../support/dns.ts'
import { lackOf } from '../support/installed.ts'
import { needs } from '../support/needs.ts'
import { becomeNobody } from '../support/nobody.ts'
import { ECR_CNAME, runProgram } from '../support/program.ts'
import { CNAME, ECR, emulated, newUser, type User, writeTree } from '../support/user.ts'
import { ecrCname, has, read, readJson, runHere, succeed } from './people.ts'
import { newHome } from './setting-up.ts'

const CONFIG = '.config/ecr-cname/config.json'
const OTHER = '210987654321.dkr.ecr.eu-west-1.amazonaws.com'

async function someone(config?: unknown) {
  const user = newUser(await emulated())
  if (config) user.configure(config)
  return user
}

const registries = (user: User) =>
  (readJson(user, CONFIG) as { registries: Record<string, unknown> }).registries

describe('map add', () => {
  it('makes the file of the user, for its owner alone', async () => {
    const user = await someone()
    const said = await succeed(user, 'map', 'add', `https://${CNAME.toUpperCase()}/`, ECR)

    expect(said).toBe(`${CNAME} is mapped to ${ECR} in ${user.home}/${CONFIG}\n`)
    expect(registries(user)).toEqual({ [CNAME]: ECR })
    expect(statSync(join(user.home, CONFIG)).mode & 0o777).toBe(0o600)
    expect(await user.secret()).not.toBe('')
  })

  it('keeps what else stands in the file, and how it is laid out', async () => {
    const user = await someone()
    const before = `{\n    "registries": {\n        "a.test":   { "registry": "${ECR}" }\n    },\n    "fallback": "none"\n}\n`
    writeTree(user.home, { [CONFIG]: before })
    await succeed(
      user,
      'map',
      'add',
      CNAME,
      OTHER,
      '--profile',
      'prod',
      '--connect',
      '10.0.0.7:8443',
    )

    const added = `,\n        "${CNAME}": {\n            "registry": "${OTHER}",\n            "profile": "prod",\n            "connect": "10.0.0.7:8443"\n        }`
    expect(read(user, CONFIG)).toBe(before.replace('" }\n', `" }${added}\n`))
  })

  it('keeps a file of names and hosts alone as it is, until it has to say more', async () => {
    const user = await someone({ 'a.test': ECR })
    await succeed(user, 'map', 'add', CNAME, OTHER)
    expect(readJson(user, CONFIG)).toEqual({ 'a.test': ECR, [CNAME]: OTHER })

    await succeed(user, 'map', 'add', 'b.test', ECR, '--profile', 'prod')
    const more = { 'b.test': { registry: ECR, profile: 'prod' } }
    expect(readJson(user, CONFIG)).toEqual({
      registries: { 'a.test': ECR, [CNAME]: OTHER, ...more },
    })
  })

  it('moves a file of names and hosts alone under registries for a name without a dot', async () => {
    const user = await someone({ 'a.test': ECR })
    await succeed(user, 'map', 'add', 'localhost', OTHER)

    expect(readJson(user, CONFIG)).toEqual({ registries: { 'a.test': ECR, localhost: OTHER } })
  })

  it('takes an ECR host for its own registry', async () => {
    const user = await someone()
    await succeed(user, 'map', 'add', ECR, '--profile', 'prod')

    expect(registries(user)).toEqual({ [ECR]: { registry: ECR, profile: 'prod' } })
  })

  it('tells what else a mapping says that is to be replaced', async () => {
    const user = await someone({
      registries: { [CNAME]: { registry: ECR, profile: 'prod', push: { tags: ['v*'] } } },
    })
    const { exitCode, stderr } = await ecrCname(user, ['map', 'add', CNAME, OTHER])

    expect(exitCode).toBe(2)
    expect(stderr).toContain(
      `${CNAME} is mapped to ${ECR} so far, with profile and push, which the new one lacks\n`,
    )
  })

  it('tells where else the name is mapped, where that is what holds', async () => {
    const user = await someone()
    user.env['ECR_CNAME_MAP'] = `${CNAME}=${OTHER}`
    const { exitCode, stderr } = await ecrCname(user, ['map', 'add', CNAME, ECR])

    expect([exitCode, stderr]).toEqual([
      0,
      `${CNAME} is mapped to ${OTHER} in ECR_CNAME_MAP, and that is what holds\n`,
    ])
  })

  it('changes the file that ECR_CNAME_CONFIG names', async () => {
    const user = await someone()
    user.env['ECR_CNAME_CONFIG'] = join(user.home, 'own.json')
    writeFileSync(user.env['ECR_CNAME_CONFIG'], '{}')
    await succeed(user, 'map', 'add', CNAME, ECR)

    expect(readJson(user, 'own.json')).toEqual({ registries: { [CNAME]: ECR } })
    expect(has(user, CONFIG)).toBe(false)
  })

  it('says so where it is mapped already, however the file spells it', async () => {
    const user = await someone({ registries: { 'Docker.Company.Test': ECR } })
    const before = read(user, CONFIG)

    expect(await succeed(user, 'map', 'add', CNAME, ECR)).toContain('already')
    expect(read(user, CONFIG)).toBe(before)
  })

  it('changes a mapping only when it may, and then where it stands', async () => {
    const user = await someone({ registries: { 'Docker.Company.Test': ECR } })
    const { exitCode, stderr } = await ecrCname(user, ['map', 'add', CNAME, OTHER])
    expect([exitCode, stderr]).toEqual([
      2,
      expect.stringContaining('There is no terminal to ask at; give --yes'),
    ])

    await succeed(user, 'map', 'add', '--yes', CNAME, OTHER)
    expect(registries(user)).toEqual({ 'Docker.Company.Test': OTHER })
  })

  it('loses none of many that are added at once', async () => {
    const user = await someone()
    const names = Array.from({ length: 12 }, (_, index) => `h${index}.test`)
    await Promise.all(names.map((name) => succeed(user, 'map', 'add', name, ECR)))

    expect(Object.keys(registries(user)).sort()).toEqual(names.sort())
    expect(readdirSync(join(user.home, '.config/ecr-cname'))).toEqual(['config.json'])
  })

  it.each([
    ['a registry that is none', [CNAME, 'ecr.company.test'], 2, 'expected an ECR host such as'],
    ['a role that is none', [CNAME, ECR, '--role-arn', 'pull'], 2, 'expected a role such as'],
    ['a host that is none', ['a b', ECR], 2, 'expected a host, host:port or *.zone'],
    ['a wildcard alone', ['*.company.test'], 2, 'expected its REGISTRY too'],
    ['nothing', [], 2, 'expected HOST [REGISTRY]'],
  ])('refuses %s', async (_, args, code, text) => {
    const user = await someone()
    const { exitCode, stderr } = await ecrCname(user, ['map', 'add', ...args])

    expect([exitCode, stderr]).toEqual([code, expect.stringContaining(text)])
    expect(has(user, CONFIG)).toBe(false)
  })

  it.each(['{"registries": {,}}', '{"registries": {}, // mine\n}', '{"registries": []}'])(
    'touches no file that is broken: %s',
    async (text) => {
      const user = await someone()
      writeTree(user.home, { [CONFIG]: text })
      const { exitCode, stderr } = await ecrCname(user, ['map', 'add', CNAME, ECR])

      expect(exitCode).toBe(1)
      expect(stderr).toMatch(
        /config\.json: (line 1, column \d+: expected JSON|registries: expected an object)/,
      )
      expect(read(user, CONFIG)).toBe(text)
    },
  )
})

describe('map add without a registry', () => {
  async function named(zone: Zone, trustedZones: readonly string[] = []) {
    const { address } = await startNameServer(zone)
    return await someone({ dns: { servers: [address], trustedZones } })
  }

  const CHAIN: Zone = {
    [CNAME]: { CNAME: 'alias.company.test' },
    'alias.company.test': { CNAME: ECR },
  }

  it('shows where the name leads, warns that nobody vouches for it, and asks', async () => {
    const user = await named(CHAIN)
    const questions: string[] = []
    const { exitCode, stderr } = await runHere(user, ['map', 'add', CNAME], {
      ask: async (question) => {
        questions.push(question)
        return 'y'
      },
    })

    expect(exitCode).toBe(0)
    expect(stderr).toContain(`  CNAME    alias.company.test\n  CNAME    ${ECR}\n`)
    expect(stderr).toContain('  account  123456789012, us-east-1 (aws)\n')
    expect(stderr).toContain(`${CNAME} is in no trusted zone, so whoever answers for it in the DNS`)
    expect(questions).toEqual([`Map ${CNAME} to ${ECR} in ${user.home}/${CONFIG}? [y/N] `])
    expect(registries(user)).toEqual({ [CNAME]: ECR })
  })

  it('says that a zone is trusted, and reads a TXT record too', async () => {
    const user = await named({ [`_ecr-cname.${CNAME}`]: { TXT: `registry=${ECR}` }, [CNAME]: {} }, [
      'company.test',
    ])
    const { exitCode, stderr } = await ecrCname(user, ['map', 'add', '--yes', CNAME])

    expect(exitCode).toBe(0)
    expect(stderr).toContain(`TXT      _ecr-cname.${CNAME}: ${ECR}`)
    expect(stderr).toContain('Every name on the way is in a zone that you trust.')
  })

  it.each([['no'], [''], ['yesterday']])('changes nothing on the answer "%s"', async (answer) => {
    const user = await named(CHAIN)
    const before = read(user, CONFIG)
    const { exitCode, stderr } = await runHere(user, ['map', 'add', CNAME], {
      ask: async () => answer,
    })

    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('nothing was changed\n')])
    expect(read(user, CONFIG)).toBe(before)
  })

  it('changes nothing where input ends at the question', async (context) => {
    needs(context, lackOf('script'))
    const user = await someone({ registries: { [CNAME]: ECR } })
    const before = read(user, CONFIG)
    const command = `${ECR_CNAME} map add ${CNAME} ${OTHER}`
    const { exitCode, stdout } = await runProgram(
      ['/usr/bin/script', '-qec', command, '/dev/null'],
      { env: user.env },
    )

    expect(exitCode).toBe(1)
    expect(stdout).toMatch(/\? \[y\/N\] [^\n]*\r\nnothing was changed\r\n$/)
    expect(read(user, CONFIG)).toBe(before)
  })

  it('changes nothing on Ctrl-C', async () => {
    const user = await named(CHAIN)
    const { exitCode } = await runHere(user, ['map', 'add', CNAME], { stop: AbortSignal.abort() })

    expect(exitCode).toBe(1)
    expect(registries(user)).toBeUndefined()
  })

  it('refuses where there is no terminal, and names --yes', async () => {
    const user = await named(CHAIN)
    const { exitCode, stderr } = await ecrCname(user, ['map', 'add', CNAME])

    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('give --yes')])
  })

  it('says what the DNS lacks', async () => {
    const user = await named({ [CNAME]: {} })
    const { exitCode, stderr } = await ecrCname(user, ['map', 'add', CNAME])

    expect(exitCode).toBe(1)
    expect(stderr).toContain(`leads to no ECR host, and has no TXT record at _ecr-cname.${CNAME}`)
    expect(stderr).toContain(`ecr-cname map add ${CNAME} REGISTRY`)
  })
})

describe('map list', () => {
  it('shows each mapping with the place where it stands', async () => {
    const user = await someone({
      registries: { [CNAME]: ECR, 'b.test': { registry: OTHER, profile: 'prod' } },
    })
    user.env['ECR_CNAME_MAP'] = `c.test=${ECR}`

    const file = join(user.home, CONFIG)
    expect((await succeed(user, 'map', 'list')).split('\n')).toEqual([
      'NAME                 REGISTRY                                      AWS IDENTITY  STANDS IN',
      `${CNAME}  ${ECR}  —             ${file}`,
      `b.test               ${OTHER}  prod          ${file}`,
      `c.test               ${ECR}  —             ECR_CNAME_MAP`,
      '',
    ])
    expect(JSON.parse(await succeed(user, 'map', 'list', '--json'))).toContainEqual({
      name: 'b.test',
      registry: OTHER,
      account: '210987654321',
      region: 'eu-west-1',
      profile: 'prod',
      where: file,
    })
  })

  it('says what to do where nothing is mapped', async () => {
    const { exitCode, stdout, stderr } = await ecrCname(await someone(), ['map', 'list'])

    expect([exitCode, stdout]).toEqual([0, ''])
    expect(stderr).toContain('ecr-cname map add HOST REGISTRY')
  })
})

describe('map rm', () => {
  it('takes mappings out', async () => {
    const user = await someone({ registries: { [CNAME]: ECR, 'b.test': ECR, 'c.test': ECR } })
    await succeed(user, 'map', 'rm', CNAME, 'B.test')

    expect(registries(user)).toEqual({ 'c.test': ECR })
  })

  it('says where a mapping stands that is not in the file, and takes none out then', async () => {
    const user = await someone({ registries: { [CNAME]: ECR } })
    user.env['ECR_CNAME_MAP'] = `c.test=${ECR}`
    const one = await ecrCname(user, ['map', 'rm', CNAME, 'c.test'])
    const two = await ecrCname(user, ['map', 'rm', 'd.test'])

    expect([one.exitCode, one.stderr]).toEqual([
      1,
      expect.stringContaining('but in ECR_CNAME_MAP; change it there'),
    ])
    expect([two.exitCode, two.stderr]).toEqual([1, expect.stringContaining('d.test: not mapped')])
    expect(registries(user)).toEqual({ [CNAME]: ECR })
  })
})

describe('map --system', () => {
  it.each([
    [['add', CNAME, ECR, '--system'], `add ${CNAME} ${ECR} --system`],
    [['add', '*.a.test', ECR, '--system'], `add '*.a.test' ${ECR} --system`],
    [['import', '--system'], 'import --system'],
  ])('%s says how to run it as root', async (args, command) => {
    const { root, env } = newHome({ '.ecr/custom.json': JSON.stringify({ [CNAME]: ECR }) })
    // Loads what nobody may not read.
    await runHere({ env }, ['map', 'list'], {})
    becomeNobody(root)
    const { exitCode, stderr } = await runHere({ env }, ['map', ...args], {})

    expect(exitCode).toBe(1)
    expect(stderr).toBe(
      `ecr-cname: /etc/ecr-cname/config.json: can't be written (EACCES); run it as root: sudo ecr-cname map ${command}\n`,
    )
  })
})

describe('map import', () => {
  it('takes over the names of ~/.ecr/custom.json, and leaves what is mapped already', async () => {
    const user = await someone({ registries: { 'b.test': OTHER } })
    writeTree(user.home, { '.ecr/custom.json': JSON.stringify({ [CNAME]: ECR, 'b.test': ECR }) })
    const { exitCode, stdout, stderr } = await ecrCname(user, ['map', 'import'])

    expect(exitCode).toBe(0)
    expect(stdout).toBe(`${CNAME} is mapped to ${ECR} in ${user.home}/${CONFIG}\n`)
    expect(stderr).toBe(`b.test stays mapped to ${OTHER}, not to ${ECR}\n`)
    expect(registries(user)).toEqual({ 'b.test': OTHER, [CNAME]: ECR })
  })

  it("tells what Docker's configuration leaves to amazon-ecr-credential-helper", async () => {
    const user = await someone()
    const credHelpers = { [ECR]: 'ecr-login', [CNAME]: 'ecr-login', 'ghcr.io': 'other' }
    writeTree(user.home, {
      '.docker/config.json': JSON.stringify({ credHelpers, credsStore: 'ecr-login' }),
    })
    const { exitCode, stdout, stderr } = await ecrCname(user, ['map', 'import'])

    expect([exitCode, stdout]).toEqual([0, 'there is nothing new to map\n'])
    expect(stderr).toContain(`${ECR}: needs no mapping; name ecr-cname in place of ecr-login`)
    expect(stderr).toContain(`${CNAME}: left to ecr-login`)
    expect(stderr).toContain(`ecr-cname map add ${CNAME}\n`)
    expect(stderr).not.toContain('ghcr.io')
  })

  it("passes over a configuration of Docker's that says nothing of helpers", async () => {
    const user = await someone()
    writeTree(user.home, {
      '.docker/config.json': '{"currentContext": "lab"}',
      '.ecr/custom.json': JSON.stringify({ [CNAME]: ECR }),
    })
    await succeed(user, 'map', 'import')

    expect(registries(user)).toEqual({ [CNAME]: ECR })
  })

  it('takes over the registry alone, and tells what else a file says of it', async () => {
    const user = await someone()
    const more = { registries: { [CNAME]: { registry: ECR, profile: 'prod' } } }
    writeTree(user.home, { 'a.json': JSON.stringify(more) })
    const { stderr } = await ecrCname(user, ['map', 'import', join(user.home, 'a.json')])

    expect(stderr).toContain(`${CNAME}: its profile in `)
    expect(registries(user)).toEqual({ [CNAME]: ECR })
  })

  it('reads a pipe of the shell where one is named', async () => {
    const user = await someone()
    writeTree(user.home, { 'a.json': JSON.stringify({ [CNAME]: ECR }) })
    const script = 'cat "$HOME/a.json" | "$0" map import /dev/stdin'
    await runProgram(['/bin/sh', '-c', script, ECR_CNAME], { env: user.env })

    expect(registries(user)).toEqual({ [CNAME]: ECR })
  })

  it('refuses a file that is none, or that maps nothing it knows', async () => {
    const user = await someone()
    writeTree(user.home, { 'a.json': '{"a.test": "b.test"}' })
    const missing = await ecrCname(user, ['map', 'import', join(user.home, 'none.json')])
    const wrong = await ecrCname(user, ['map', 'import', join(user.home, 'a.json')])

    expect([missing.exitCode, missing.stderr]).toEqual([
      1,
      expect.stringContaining('there is no such file'),
    ])
    expect([wrong.exitCode, wrong.stderr]).toEqual([
      1,
      expect.stringContaining('expected an ECR host'),
    ])
    expect(readFileSync(join(user.home, 'a.json'), 'utf8')).toBe('{"a.test": "b.test"}')
  })
})

it('map without a verb is used wrongly', async () => {
  const { exitCode, stderr } = await ecrCname(await someone(), ['map'])

  expect([exitCode, stderr]).toEqual([
    2,
    'ecr-cname: map: expected add, list, rm or import, got nothing\n',
  ])
})
