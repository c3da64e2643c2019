/** `doctor --bundle FILE`: everything that helps, and none of what was planted as a secret. */

import { readFileSync, statSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRedaction } from '../../src/doctor/redact.ts'
import { type Emulator, startEmulator } from '../emulator/emulator.ts'
import { examined, healthyPatient, type Patient, runDoctor, write } from './patient.ts'

let emulator: Emulator
beforeAll(async () => {
  emulator = await startEmulator()
})
afterAll(async () => {
  await emulator.close()
})

const SECRETS = [
  'docker-password-1',
  'identity-token-2',
  'registry-token-3',
  'podman-password-4',
  'aws-secret-key-5',
  'aws-session-token-6',
  'proxy-password-7',
  'header-value-8',
  'stored-login-9',
  'auth-config-10',
  'external-id-11',
  'broken-file-12',
  'containerd-password-13',
  'shared-file-secret-14',
  'container-token-15',
  'signed-url-16',
]

async function someoneWithSecrets(): Promise<Patient> {
  const patient = await healthyPatient(emulator)
  const { user, path, put } = patient
  const login = (secret: string) => ({ auth: btoa(`me:${secret}`) })
  patient.settle(patient.host, {
    roleArn: 'arn:aws:iam::123456789012:role/partner',
    externalId: 'external-id-11',
  })
  patient.docker({
    auths: {
      'ghcr.io': login('docker-password-1'),
      'azure.test': { identitytoken: 'identity-token-2' },
      'quay.io': { registrytoken: 'registry-token-3' },
    },
    HttpHeaders: { 'X-Meta': 'header-value-8' },
    proxies: { default: { httpsProxy: 'http://me:proxy-password-7@proxy.test:3128' } },
    credHelpers: { [patient.host]: 'ecr-cname' },
  })
  user.env['XDG_RUNTIME_DIR'] = path('run')
  const auths = { 'quay.io': login('podman-password-4') }
  write(patient, 'run/containers/auth.json', JSON.stringify({ auths }))
  write(patient, '.config/containers/auth.json', '{"auths": "broken-file-12"')
  const kept = { name: 'ghcr.io', serverUrl: 'ghcr.io', username: 'me', secret: 'stored-login-9' }
  write(patient, '.cache/ecr-cname/logins/ghcr.io.json', JSON.stringify(kept))
  write(patient, 'aws', '[default]\naws_secret_access_key = shared-file-secret-14\n')
  put(
    '/etc/containerd/config.toml',
    'version = 3\n[plugins.a.registry.configs.b.auth]\npassword = "containerd-password-13"\n' +
      'url = "https://bucket.test/layer?X-Amz-Signature=signed-url-16"\n',
  )
  Object.assign(user.env, {
    AWS_SHARED_CREDENTIALS_FILE: path('aws'),
    AWS_SECRET_ACCESS_KEY: 'aws-secret-key-5',
    AWS_SESSION_TOKEN: 'aws-session-token-6',
    AWS_CONTAINER_AUTHORIZATION_TOKEN: 'container-token-15',
    HTTPS_PROXY: 'http://me:proxy-password-7@proxy.test:3128',
    DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { 'a.test': login('auth-config-10') } }),
    MY_PASSWORD: 'never-told',
  })
  return patient
}

describe('doctor --bundle', () => {
  it('holds findings, configurations and versions, and no secret', async () => {
    const patient = await someoneWithSecrets()
    const file = patient.path('report.json')
    await runDoctor(patient, ['--bundle', file, '--offline'])
    const text = readFileSync(file, 'utf8')
    const report = JSON.parse(text) as Record<string, unknown>

    expect(SECRETS.filter((secret) => text.includes(secret))).toEqual([])
    const encoded = SECRETS.map((secret) => btoa(`me:${secret}`))
    expect(encoded.filter((secret) => text.includes(secret))).toEqual([])
    expect(text).not.toMatch(/never-told|MY_PASSWORD|AKIAIOSFODNN7EXAMPLE/)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(Object.keys(report)).toEqual([
      'version',
      'at',
      'system',
      'programs',
      'environment',
      'configurations',
      'findings',
    ])
    expect(text).toContain('arn:aws:iam::123456789012:role/partner')
    expect(text).toContain('"ghcr.io"')
    expect(text).toContain('Docker version 28.5.2')
    expect(report['environment']).toMatchObject({ AWS_SECRET_ACCESS_KEY: '[removed]' })
  })

  it('is beside what is printed', async () => {
    const patient = await healthyPatient(emulator)
    const { findings, stderr } = await examined(patient, '--offline', '--bundle', patient.path('r'))

    expect(findings).not.toEqual([])
    expect(stderr).toContain('look through it before you hand it on')
  })

  it('says where it can not be written', async () => {
    const patient = await healthyPatient(emulator)
    const { stderr, exitCode } = await runDoctor(patient, ['--offline', '--bundle', '/proc/none/r'])

    expect(stderr).toContain("/proc/none/r: can't be written (ENOENT); name another with --bundle")
    expect(exitCode).toBe(1)
  })
})

describe('a redaction', () => {
  it('removes at all places what it removed at one', () => {
    const redaction = createRedaction()
    const value = redaction.value({ password: 'hunter22', why: 'hunter22 was refused' })

    expect(redaction.text(JSON.stringify(value))).toBe(
      '{"password":"[removed]","why":"[removed] was refused"}',
    )
  })

  it.each([
    [
      'https://s3.test/layer?X-Amz-Signature=abc&x=1 follows',
      'https://s3.test/layer?[removed] follows',
    ],
    ['http://me:pass@proxy.test:3128', 'http://[removed]@proxy.test:3128'],
    ['AKIAIOSFODNN7EXAMPLE', 'AKIA…'],
    ['Authorization: Basic QVdTOnNlY3JldA==', 'Authorization: Basic [removed]'],
    ['a token, ' + 'aB3_'.repeat(20), 'a token, [removed]'],
    ['a token, ' + 'aB3/x+'.repeat(12), 'a token, [removed]'],
    [`sha256:${'0a'.repeat(32)}`, `sha256:${'0a'.repeat(32)}`],
    ['a JWT, eyJhbGciOiJ9.eyJzdWIiOiJ9.c2ln', 'a JWT, [removed]'],
    ['-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----', '[removed]'],
    ['/usr/share/some/long/path/to/a/file.json', '/usr/share/some/long/path/to/a/file.json'],
  ])('of %j', (text, expected) => {
    expect(createRedaction().text(text)).toBe(expected)
  })

  it('removes a password that is a number', () => {
    expect(createRedaction().value({ password: 12_345_678 })).toEqual({ password: '[removed]' })
  })

  it('leaves words that only sound secret', () => {
    const config = {
      credsStore: 'pass',
      credHelpers: { 'gcr.io': 'gcloud' },
      proxy: { auth: 'inject', tlsKey: '/etc/tls/key.pem' },
      'credential-helpers': ['ecr-cname'],
    }
    expect(createRedaction().value(config)).toEqual(config)
  })
})
