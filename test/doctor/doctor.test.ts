/** The command around the findings: its report, --fix, --json, --offline, and the built program. */

import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ecrCname } from '../commands/people.ts'
import type { Emulator } from '../emulator/emulator.ts'
import { defaultSettings } from '../emulator/settings.ts'
import { startNameServer } from '../support/dns.ts'
import { ECR, newUser } from '../support/user.ts'
import { startTrustedEmulator } from '../support/trust.ts'
import { examined, healthyPatient, HELPER, type Patient, runDoctor } from './patient.ts'

let emulator: Emulator
beforeAll(async () => {
  emulator = await startTrustedEmulator()
})
afterAll(async () => {
  await emulator.close()
})
beforeEach(() => {
  Object.assign(emulator.settings, defaultSettings(emulator.account))
  emulator.calls.length = 0
})

const stateOf = async (patient: Patient, link: string) => {
  const { findings } = await examined(patient)
  return findings.filter((one) => one.id === link).map(({ state, what }) => `${state}: ${what}`)
}

describe('the report of doctor', () => {
  it('tells what is, why it matters and what mends it, and sums it up', async () => {
    const patient = await healthyPatient(emulator)
    patient.docker({})
    const { stdout, exitCode } = await runDoctor(patient, [])

    expect(stdout).toContain(
      [
        'docker',
        `  x broken   ${patient.host}: ${patient.path('.docker/config.json')} does not name our helper`,
        '             why  docker goes on without credentials: "no basic auth credentials"',
        `             fix  ecr-cname setup docker ${patient.host}`,
        '',
      ].join('\n'),
    )
    expect(stdout).toMatch(/\n1 broken, 0 warnings, \d+ in order, \d+ not looked at\n/)
    expect(stdout).toContain('1 of them can be mended by: ecr-cname doctor --fix\n')
    expect(exitCode).toBe(1)
  })

  it.each([
    [{ LANG: 'en_US.UTF-8' }, '✓ ok'],
    [{ LANG: 'C' }, '+ ok'],
    [{ LANG: 'en_US.UTF-8', TERM: 'dumb' }, '+ ok'],
  ])('has signs that a terminal with %j can show', async (env, sign) => {
    const patient = await healthyPatient(emulator)
    Object.assign(patient.user.env, env)

    expect((await runDoctor(patient, ['--offline'])).stdout).toContain(sign)
  })

  it.each([
    [{}, true],
    [{ NO_COLOR: '1' }, false],
  ])('has colour on a terminal, with %j: %s', async (env, isColoured) => {
    const patient = await healthyPatient(emulator)
    Object.assign(patient.user.env, env)
    Object.assign(patient.world, { stdoutIsTerminal: true })
    const { stdout } = await runDoctor(patient, ['--offline'])

    expect(stdout.includes('\x1b[32m')).toBe(isColoured)
  })

  it('holds a policy to paste, of what is missing and nothing else', async () => {
    const [[id, key] = ['', undefined]] = Object.entries(emulator.settings.keys)
    if (key) emulator.settings.keys[id] = { ...key, deny: ['ecr:BatchGetImage'] }
    const { troubles } = await examined(await healthyPatient(emulator))

    expect(JSON.parse(troubles[0]?.fix?.paste ?? '')).toEqual({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Action: ['ecr:BatchGetImage'],
          Resource: 'arn:aws:ecr:us-east-1:123456789012:repository/team/app',
        },
      ],
    })
  })
})

describe('doctor', () => {
  it('examines all plain names of the configuration', async () => {
    const patient = await healthyPatient(emulator)
    const [host, registry] = [patient.host, { registry: ECR, connect: '127.0.0.1:1' }]
    patient.user.configure({ registries: { [host]: registry, '*.company.test': ECR } })
    patient.host = ''
    const { findings } = await examined(patient)

    expect(findings.filter(({ id }) => id === 'mapping')).toMatchObject([{ host }])
  })

  it("looks for nobody under ECR's own name", async () => {
    const patient = await healthyPatient(emulator)
    patient.settle(ECR)

    expect(await stateOf(patient, 'name')).toEqual(["skipped: it is ECR's own name"])
    expect((await examined(patient)).troubles).toEqual([])
  })

  it('has pulls from the public gallery go on without AWS', async () => {
    const patient = await healthyPatient(emulator)
    patient.settle('public.ecr.aws', { registry: 'public.ecr.aws' })
    Object.assign(patient.user.env, { AWS_ACCESS_KEY_ID: undefined })

    expect(await stateOf(patient, 'identity')).toEqual([
      'skipped: no AWS credentials: pulls from the gallery are anonymous',
    ])
    expect((await examined(patient)).troubles).toEqual([])
  })

  it('needs nobody under the name where all engines go to the registry itself', async () => {
    const patient = await healthyPatient(emulator)
    patient.settle('docker.company.invalid')
    rmSync(patient.path('bin/docker'))
    patient.put('/etc/containerd/config.toml', 'version = 3\n')
    patient.put(`/etc/containerd/certs.d/${patient.host}/hosts.toml`, `[host."https://${ECR}"]\n`)

    expect(await stateOf(patient, 'name')).toEqual([
      'skipped: containerd: set up to pull from the registry itself',
    ])
    expect((await examined(patient)).troubles).toEqual([])
  })

  it('takes a login of the sidecar for what it is, wherever an engine keeps it', async () => {
    const patient = await healthyPatient(emulator)
    const auths = { [patient.host]: { auth: btoa('alice:hidden') } }
    patient.docker({ auths })

    expect(await stateOf(patient, 'docker')).toEqual([
      `ok: ${patient.path('.docker/config.json')} holds a login of alice`,
    ])
  })

  it('has no say where the way to ECR leads through a proxy', async () => {
    const patient = await healthyPatient(emulator)
    patient.settle(patient.host, { connect: '127.0.0.1:1' })
    Object.assign(patient.user.env, { HTTPS_PROXY: 'http://127.0.0.1:1', NO_PROXY: '127.0.0.1' })
    const { troubles, exitCode } = await examined(patient)

    expect(troubles).toMatchObject([{ id: 'registry-unreachable', state: 'warning' }])
    expect(exitCode).toBe(0)
  })

  it('probes a repository where it stands behind the prefix of the mapping', async () => {
    const patient = await healthyPatient(emulator)
    patient.settle(patient.host, { prefix: 'team/' })
    patient.host += '/app:latest'

    expect(await stateOf(patient, 'permissions')).toEqual([
      'ok: pulls of team/app are allowed; pushes are not tried, for that would begin one',
    ])
  })

  it('follows the DNS into a trusted zone, and sets nothing up by a name from there', async () => {
    const patient = await healthyPatient(emulator)
    const { address } = await startNameServer({ 'docker.company.test': { CNAME: ECR } })
    patient.settle('a.test', {}, { dns: { trustedZones: ['company.test'], servers: [address] } })
    patient.host = 'docker.company.test'
    const online = await examined(patient)
    const offline = await examined(patient, '--offline')

    expect(online.findings).toMatchObject(
      expect.arrayContaining([
        expect.objectContaining({ id: 'mapping', state: 'ok' }),
        expect.objectContaining({
          id: 'docker-not-asked',
          fix: { command: 'ecr-cname setup docker', safe: false },
        }),
      ]) as object,
    )
    expect(offline.troubles).toEqual([])
  })

  it('sends no token to whom nobody here trusts', async () => {
    const patient = await healthyPatient(emulator)
    patient.put('/etc/ssl/certs/ca-certificates.crt', '')
    await examined(patient)
    const asked = emulator.calls.filter(({ service }) => service === 'registry')

    // The sidecar is asked without; ECR's own certificate is one that this program trusts.
    const sent = asked.map(({ headers }) => headers['authorization'] !== undefined)
    expect(sent.filter((isSent) => isSent)).toHaveLength(1)
    expect(sent.filter((isSent) => !isSent)).toHaveLength(1)
  })

  it('asks nothing of any network with --offline', async () => {
    const patient = await healthyPatient(emulator)
    const { findings, exitCode } = await examined(patient, '--offline')

    expect(findings.filter(({ what }) => what === 'offline').map(({ id }) => id)).toContain('token')
    expect(emulator.calls).toEqual([])
    expect(exitCode).toBe(0)
  })

  it('changes nothing in ECR when it probes', async () => {
    const patient = await healthyPatient(emulator)
    patient.host += '/team/app'
    await examined(patient)

    expect(new Set(emulator.calls.map(({ operation }) => operation))).toEqual(
      new Set([
        'GetCallerIdentity',
        'GetAuthorizationToken',
        'DescribeRepositories',
        'ListImages',
        'BatchGetImage',
        'BatchCheckLayerAvailability',
        'GetDownloadUrlForLayer',
        'CheckVersion',
      ]),
    )
  })

  it.each([
    [['--yes'], /--yes goes with --fix/],
    [['a.test', 'b.test'], /expected one HOST/],
    [['not a host'], /expected a host/],
    [['--unknown'], /Unknown option/],
  ])('used as %j ends with 2', async (args, message) => {
    const patient = await healthyPatient(emulator)
    patient.host = ''
    const { exitCode, stderr } = await runDoctor(patient, args)

    expect(exitCode).toBe(2)
    expect(stderr).toMatch(message)
  })
})

describe('doctor --fix', () => {
  const broken = async () => {
    const patient = await healthyPatient(emulator)
    patient.docker({})
    return patient
  }
  const config = ({ path }: Patient) => readFileSync(path('.docker/config.json'), 'utf8')

  it('tells what is to be done, asks, does it, and looks again', async () => {
    const patient = await broken()
    const questions: string[] = []
    const ask = async (question: string) => {
      questions.push(question)
      return 'y'
    }
    Object.assign(patient.world, { ask })
    const { stdout, stderr, exitCode } = await runDoctor(patient, ['--fix'])

    expect(questions).toEqual(['Mend 1? [y/N] '])
    expect(stderr).toBe(
      `to be done: ecr-cname setup docker ${patient.host}\nmended: docker-not-asked\n`,
    )
    expect(stdout).toMatch(/1 broken[\s\S]*0 broken/)
    expect(exitCode).toBe(0)
    expect(JSON.parse(config(patient))).toEqual({ credHelpers: { [patient.host]: 'ecr-cname' } })
  })

  it('leaves all as it is where nobody agrees, or can be asked', async () => {
    const patient = await broken()
    Object.assign(patient.world, { ask: async () => 'n' })
    expect((await runDoctor(patient, ['--fix'])).exitCode).toBe(1)
    Object.assign(patient.world, { ask: async () => undefined })
    expect(await runDoctor(patient, ['--fix'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('give --yes') as string,
    })
    expect(config(patient)).toBe('{}')
  })

  it('says what it could not mend, and ends with 1', async () => {
    const patient = await broken()
    // In the way of the backups that a setup makes first.
    symlinkSync('/proc/none', patient.path('.config/ecr-cname/setup'))
    const { exitCode, stderr } = await runDoctor(patient, ['--fix', '--yes'])

    expect(stderr).toMatch(/not mended: docker-not-asked: \S+/)
    expect(exitCode).toBe(1)
  })

  it('says so where there is nothing that it could mend', async () => {
    const { stderr, exitCode } = await runDoctor(await healthyPatient(emulator), ['--fix'])
    expect({ stderr, exitCode }).toEqual({
      stderr: 'nothing here can be mended by itself\n',
      exitCode: 0,
    })
  })
})

describe('the built program', () => {
  it('finds the helper that is installed, and mends with --fix --yes', async () => {
    const user = newUser(emulator)
    const { host: registry, port } = emulator.registry
    user.configure({ registries: { [ECR]: { registry, connect: `127.0.0.1:${port}` } } })
    const bin = `${user.home}/bin`
    mkdirSync(bin)
    mkdirSync(`${user.home}/.docker`)
    writeFileSync(`${user.home}/.docker/config.json`, '{}')
    for (const name of ['ecr-cname', HELPER]) symlinkSync(resolve('dist', name), `${bin}/${name}`)
    user.env['PATH'] = bin
    const args = ['doctor', '--root', user.home]
    const before = await ecrCname(user, args)
    const after = await ecrCname(user, [...args, '--fix', '--yes', '--json'])

    expect(before.stdout).toContain('does not name our helper')
    expect(before.exitCode).toBe(1)
    expect(JSON.parse(after.stdout)).toMatchObject({
      summary: { broken: 0, warning: 0 },
      mended: ['docker-not-asked'],
    })
    expect(after.exitCode).toBe(0)
    const undone = await ecrCname(user, ['setup', 'docker', '--undo', '--yes'])
    expect(undone.exitCode).toBe(0)
    expect(readFileSync(`${user.home}/.docker/config.json`, 'utf8')).toBe('{}')
  })

  it('finds nothing in somebody with nothing the matter', async () => {
    const { user, host, root } = await healthyPatient(emulator)
    const { stdout, exitCode } = await ecrCname(user, ['doctor', host, '--json', '--root', root])

    expect(JSON.parse(stdout)).toMatchObject({ summary: { broken: 0, warning: 0 } })
    expect(exitCode).toBe(0)
  })

  it('names what is broken on a machine without anything', async () => {
    const user = newUser(emulator, 'none')
    user.env['PATH'] = user.home
    const { stdout, exitCode } = await ecrCname(user, ['doctor', '--json', '--root', user.home])

    const { findings } = JSON.parse(stdout) as { readonly findings: readonly { id: string }[] }
    expect(findings.map(({ id }) => id)).toEqual(
      expect.arrayContaining(['program-missing', 'configuration-empty']),
    )
    expect(exitCode).toBe(1)
  })
})
