/** One fault at a time, planted in somebody for whom everything is in order. */

import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { join } from 'node:path'
import { getuid } from 'node:process'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { provideCertificate } from '../../src/certificates/folder.ts'
import { foundAuthority, issue } from '../../src/certificates/issue.ts'
import { install } from '../commands/people.ts'
import type { Emulator } from '../emulator/emulator.ts'
import { defaultSettings } from '../emulator/settings.ts'
import { startNameServer } from '../support/dns.ts'
import { ECR } from '../support/user.ts'
import { startTrustedEmulator } from '../support/trust.ts'
import {
  examined,
  healthyPatient,
  HELPER,
  type Patient,
  startPlainServer,
  startServer,
  write,
} from './patient.ts'

let emulator: Emulator
beforeAll(async () => {
  emulator = await startTrustedEmulator()
})
afterAll(async () => {
  await emulator.close()
})
beforeEach(() => {
  Object.assign(emulator.settings, defaultSettings(emulator.account))
})

const DAY = 24 * 3600_000
const [ID = ''] = Object.keys(defaultSettings('123456789012').keys)

type Fault = {
  /** What is found, and nothing else. */
  readonly id: string
  readonly state?: 'warning'
  readonly plant: (patient: Patient) => unknown
  /** In what is said to be done. */
  readonly fix: string
  /** Whether --fix does it. */
  readonly isMended?: true
}

const token = (expiration: number) => btoa(JSON.stringify({ expiration }))
const auth = (username: string, secret: string) => ({ auth: btoa(`${username}:${secret}`) })
const deny = (...actions: readonly string[]) => {
  const key = emulator.settings.keys[ID]
  if (key) emulator.settings.keys[ID] = { ...key, deny: actions }
}
const podman = (patient: Patient) => {
  install(patient.user, { podman: 'true' })
  patient.put(
    '/etc/containers/registries.conf',
    'credential-helpers = ["containers-auth.json", "ecr-cname"]\n',
  )
  patient.user.env['XDG_RUNTIME_DIR'] = patient.path('run')
}
/** Another server under the name, whose certificate an authority vouches for that the system trusts. */
const serveWith = async (patient: Patient, names: readonly string[], now: number) => {
  const authority = await foundAuthority(['localhost', 'other.test'], Date.now() - 5 * 365 * DAY)
  patient.put('/etc/ssl/certs/ca-certificates.crt', authority.cert)
  const port = await startServer(await issue(authority, names, now))
  patient.settle(`localhost:${port}`)
}
const containerd = (patient: Patient, { main, hosts }: { main?: string; hosts?: string }) => {
  patient.put('/etc/containerd/config.toml', main ?? 'version = 3\n')
  const own = `[host."https://${ECR}"]\n`
  patient.put(`/etc/containerd/certs.d/${patient.host}/hosts.toml`, hosts ?? own)
}
const kubelet = (patient: Patient, config: object) => {
  const folder = '/etc/kubernetes/image-credential-provider'
  patient.put(`${folder}/config.yaml`, JSON.stringify(config))
  return folder
}

const pairIn = ({
  certFile,
  keyFile,
}: {
  readonly certFile: string
  readonly keyFile: string
}) => ({
  cert: readFileSync(certFile, 'utf8'),
  key: readFileSync(keyFile, 'utf8'),
})
const ownCertificate = async ({ path }: Patient) => {
  const zones = ['localhost']
  const folder = path('.config/ecr-cname/tls')
  return await provideCertificate({
    folder,
    title: 'localhost',
    names: zones,
    zones,
    now: Date.now(),
  })
}
const emulatedPair = (name: string) => pairIn(emulator.certificate([name]))
const REFUSES: RequestListener = (_, response) => response.writeHead(403).end()

// Only root can give files away.
const ANOTHER_OWNER: Fault = {
  id: 'store-foreign',
  state: 'warning',
  plant: (patient) => {
    const file = write(patient, '.cache/ecr-cname/tokens/a@1-1.json', '{}')
    chmodSync(patient.path('.cache/ecr-cname'), 0o700)
    chmodSync(patient.path('.cache/ecr-cname/tokens'), 0o700)
    chownSync(file, 12_345, 12_345)
  },
  fix: 'sudo chown -R',
}

const FAULTS: Readonly<Record<string, readonly Fault[]>> = {
  'the helper': [
    {
      id: 'program-missing',
      plant: ({ path }) => rmSync(path(`bin/${HELPER}`)),
      fix: `/usr/local/bin/${HELPER}`,
    },
    {
      id: 'program-not-executable',
      plant: ({ path }) => chmodSync(path(`bin/${HELPER}`), 0o644),
      fix: 'chmod a+x',
      isMended: true,
    },
    {
      id: 'program-incomplete',
      plant: ({ user }) =>
        install(user, {
          [HELPER]: `echo '${HELPER}: the full program, ecr-cname, is neither beside this one nor on PATH; install both'; exit 1`,
        }),
      fix: 'put ecr-cname beside',
    },
    {
      id: 'program-failing',
      plant: ({ user }) => install(user, { [HELPER]: 'exit 126' }),
      fix: 'install ecr-cname again',
    },
    {
      id: 'program-other-version',
      state: 'warning',
      plant: ({ user }) => install(user, { [HELPER]: `echo '${HELPER} v0.0.1'` }),
      fix: `command -v ${HELPER}`,
    },
  ],
  'the configuration': [
    {
      id: 'configuration-broken',
      plant: (patient) => {
        write(patient, '.config/ecr-cname/config.json', '{"registries": ')
        patient.host = ''
      },
      fix: 'mend that place',
    },
    {
      id: 'configuration-empty',
      state: 'warning',
      plant: (patient) => {
        patient.user.configure({ registries: {} })
        patient.host = ''
      },
      fix: 'ecr-cname map add',
    },
    {
      id: 'configuration-fallback-missing',
      plant: (patient) => patient.settle(patient.host, {}, { fallback: 'secretservice' }),
      fix: 'install docker-credential-secretservice',
    },
  ],
  'the store': [
    {
      id: 'store-unusable',
      state: 'warning',
      plant: (patient) => {
        patient.user.env['ECR_CNAME_HOME'] = write(patient, 'file', '')
      },
      fix: 'set ECR_CNAME_HOME',
    },
    {
      id: 'store-open',
      plant: (patient) => write(patient, '.cache/ecr-cname/logins/ghcr.io.json', '{}', 0o644),
      fix: 'chmod -R go=',
      isMended: true,
    },
    {
      id: 'store-strange',
      state: 'warning',
      plant: (patient) => {
        mkdirSync(patient.path('.cache/ecr-cname'), { recursive: true, mode: 0o700 })
        write(patient, '.cache/ecr-cname/notes.txt', '')
      },
      fix: 'move them elsewhere',
    },
    {
      id: 'store-off',
      state: 'warning',
      plant: ({ user }) => {
        user.env['ECR_CNAME_CACHE'] = 'off'
      },
      fix: 'unset ECR_CNAME_CACHE',
    },
    ...(getuid?.() === 0 ? [ANOTHER_OWNER] : []),
  ],
  docker: [
    {
      id: 'docker-broken',
      plant: (patient) => write(patient, '.docker/config.json', '{"credHelpers": '),
      fix: '.docker/config.json',
    },
    {
      id: 'docker-broken',
      plant: ({ path }) => {
        rmSync(path('.docker/config.json'))
        execFileSync('mkfifo', [path('.docker/config.json')])
      },
      fix: '.docker/config.json',
    },
    {
      id: 'docker-not-asked',
      plant: (patient) => patient.docker({}),
      fix: 'ecr-cname setup docker localhost',
      isMended: true,
    },
    {
      id: 'docker-other-store',
      plant: (patient) => {
        install(patient.user, { 'docker-credential-pass': 'true' })
        patient.docker({ credsStore: 'pass' })
      },
      fix: 'ecr-cname setup docker localhost',
      isMended: true,
    },
    {
      id: 'docker-overridden',
      plant: (patient) => {
        install(patient.user, { 'docker-credential-ecr-login': 'true' })
        const credHelpers = { [patient.host]: 'ecr-login' }
        patient.docker({ credsStore: 'ecr-cname', credHelpers })
      },
      fix: 'ecr-cname setup docker localhost',
      isMended: true,
    },
    {
      id: 'docker-elsewhere',
      plant: (patient) => {
        write(patient, 'ci/config.json', '{}')
        patient.user.env['DOCKER_CONFIG'] = patient.path('ci')
      },
      fix: 'ecr-cname setup docker localhost',
      isMended: true,
    },
    {
      id: 'docker-helper-missing',
      state: 'warning',
      plant: (patient) =>
        patient.docker({ credHelpers: { [patient.host]: 'ecr-cname', 'gcr.io': 'gcloud' } }),
      fix: 'install docker-credential-gcloud',
    },
    {
      id: 'docker-stale-login',
      state: 'warning',
      plant: (patient) =>
        patient.docker({
          credsStore: 'ecr-cname',
          auths: {
            [`https://${patient.host}/v2/`]: auth('AWS', token(1)),
            [patient.host]: auth('AWS', token(1)),
          },
        }),
      fix: 'docker logout localhost',
      isMended: true,
    },
    {
      id: 'docker-read-only',
      state: 'warning',
      plant: ({ path }) => chmodSync(path('.docker/config.json'), 0o400),
      fix: 'chmod u+w',
      isMended: true,
    },
    {
      id: 'docker-open',
      state: 'warning',
      plant: (patient) => {
        const credHelpers = { [patient.host]: 'ecr-cname' }
        patient.docker({ credHelpers, auths: { 'ghcr.io': auth('me', 'hidden') } })
        chmodSync(patient.path('.docker/config.json'), 0o644)
      },
      fix: 'chmod 600',
      isMended: true,
    },
    {
      id: 'docker-auth-config',
      plant: ({ user, host }) => {
        user.env['DOCKER_AUTH_CONFIG'] = JSON.stringify({ auths: { [host]: auth('AWS', 'old') } })
      },
      fix: 'unset DOCKER_AUTH_CONFIG',
    },
    {
      id: 'docker-auth-config',
      state: 'warning',
      plant: ({ user }) => {
        user.env['DOCKER_AUTH_CONFIG'] = '{'
      },
      fix: 'unset DOCKER_AUTH_CONFIG',
    },
  ],
  podman: [
    {
      id: 'podman-not-asked',
      state: 'warning',
      plant: (patient) => {
        podman(patient)
        patient.put('/etc/containers/registries.conf', '')
        // Which they do not know.
        patient.docker({ credsStore: 'ecr-cname' })
      },
      fix: 'ecr-cname setup podman localhost',
    },
    {
      id: 'podman-not-asked',
      plant: (patient) => {
        install(patient.user, { skopeo: 'true' })
        rmSync(patient.path('bin/docker'))
        rmSync(patient.path('.docker/config.json'))
      },
      fix: 'ecr-cname setup podman localhost',
    },
    {
      id: 'docker-not-asked',
      state: 'warning',
      plant: (patient) => {
        podman(patient)
        patient.docker({})
      },
      fix: 'ecr-cname setup docker localhost',
      isMended: true,
    },
    {
      id: 'podman-stale-login',
      plant: (patient) => {
        podman(patient)
        const auths = { [patient.host]: auth('AWS', token(1)) }
        write(patient, 'run/containers/auth.json', JSON.stringify({ auths }))
      },
      fix: 'podman logout',
      isMended: true,
    },
    {
      id: 'podman-registries-broken',
      plant: (patient) => {
        podman(patient)
        patient.put('/etc/containers/registries.conf.d/50-mine.conf', 'unqualified = [')
      },
      fix: '50-mine.conf',
    },
    {
      id: 'podman-registries-broken',
      plant: (patient) => {
        podman(patient)
        patient.put('/etc/containers/registries.conf.d/README', '')
        execFileSync('mkfifo', [join(patient.root, '/etc/containers/registries.conf.d/fifo.conf')])
      },
      fix: 'fifo.conf',
    },
    {
      id: 'podman-logins-broken',
      plant: (patient) => {
        podman(patient)
        write(patient, 'run/containers/auth.json', '{')
      },
      fix: 'auth.json',
    },
  ],
  containerd: [
    {
      id: 'containerd-broken',
      plant: (patient) => containerd(patient, { main: 'version = ' }),
      fix: 'containerd config dump',
    },
    {
      id: 'containerd-hosts-unread',
      plant: (patient) => containerd(patient, { main: 'version = 2\n' }),
      fix: 'ecr-cname setup containerd localhost',
    },
    {
      id: 'containerd-hosts-broken',
      plant: (patient) => containerd(patient, { hosts: '[host.' }),
      fix: 'hosts.toml',
    },
    {
      id: 'containerd-hosts-elsewhere',
      state: 'warning',
      plant: (patient) => containerd(patient, { hosts: '[host."https://mirror.test"]\n' }),
      fix: 'ecr-cname setup containerd localhost',
    },
  ],
  'kubelet and services': [
    {
      id: 'kubelet-broken',
      plant: (patient) => kubelet(patient, {}),
      fix: 'ecr-cname setup kubelet',
    },
    {
      id: 'kubelet-provider-missing',
      plant: (patient) =>
        kubelet(patient, { providers: [{ name: 'ecr-cname', matchImages: [patient.host] }] }),
      fix: '/etc/kubernetes/image-credential-provider/ecr-cname',
    },
    {
      id: 'kubelet-not-asked',
      plant: (patient) => {
        const providers = [{ name: 'ecr-cname', matchImages: ['*.dkr.ecr.*.amazonaws.com'] }]
        patient.put('/opt/bin/ecr-cname', '')
        patient.put('/opt/config.json', JSON.stringify({ providers }))
        patient.run('kubelet', {}, [
          '--image-credential-provider-config=/opt/config.json',
          '--image-credential-provider-bin-dir',
          '/opt/bin',
        ])
      },
      fix: 'ecr-cname setup kubelet localhost',
    },
    {
      // It does not start with such flags, so no process tells of them.
      id: 'kubelet-broken',
      plant: ({ put }) => {
        const flags = ['config=/opt/config.yaml', 'bin-dir=/opt/bin']
        const command = flags.map((flag) => ` --image-credential-provider-${flag}`).join('')
        put('/etc/systemd/system/kubelet.service', `[Service]\nExecStart=/opt/kubelet${command}\n`)
      },
      fix: 'mend',
    },
    {
      id: 'kubelet-not-asked',
      plant: ({ put }) => {
        const folder = '/var/lib/rancher/credentialprovider'
        const providers = [{ name: 'ecr-cname', matchImages: ['*.dkr.ecr.*.amazonaws.com'] }]
        put('/etc/systemd/system/k3s.service', '[Service]\nExecStart=/usr/local/bin/k3s server\n')
        put(`${folder}/config.yaml`, JSON.stringify({ providers }))
        put(`${folder}/bin/ecr-cname`, '')
      },
      fix: 'sudo systemctl restart k3s',
    },
    {
      id: 'services-path',
      plant: (patient) => patient.run('nomad', { PATH: '/usr/bin' }),
      fix: 'systemctl edit nomad',
    },
    {
      id: 'services-path',
      plant: ({ put }) => {
        put('/etc/systemd/system/multi-user.target.wants/gitlab-runner.service', '')
        put('/usr/lib/systemd/system/gitlab-runner.service', '[Service]\nEnvironment="PATH=/opt"\n')
      },
      fix: 'systemctl edit gitlab-runner',
    },
    {
      id: 'services-configuration',
      plant: (patient) => {
        patient.put(`/usr/local/bin/${HELPER}`, '')
        chmodSync(`${patient.root}/usr/local/bin/${HELPER}`, 0o755)
        patient.run('crio', { PATH: '/usr/local/bin', HOME: '/nonexistent' })
      },
      fix: '/etc/ecr-cname/config.json',
    },
  ],
  'the mapping': [
    {
      id: 'mapping-missing',
      plant: (patient) => {
        patient.host = 'docker.company.invalid'
      },
      fix: 'ecr-cname map add docker.company.invalid',
    },
    {
      id: 'mapping-untrusted-zone',
      plant: async (patient) => {
        const { address } = await startNameServer({ 'docker.company.test': { CNAME: ECR } })
        patient.settle(patient.host, {}, { dns: { servers: [address] } })
        patient.host = 'docker.company.test'
      },
      fix: `ecr-cname map add docker.company.test ${ECR}`,
    },
    {
      id: 'mapping-dns',
      plant: async (patient) => {
        const { address } = await startNameServer('broken')
        const dns = { trustedZones: ['company.test'], servers: [address] }
        patient.settle(patient.host, {}, { dns })
        patient.host = 'docker.company.test'
      },
      fix: 'check dns.servers',
    },
  ],
  AWS: [
    {
      id: 'identity-missing',
      plant: ({ user }) => {
        user.env['AWS_ACCESS_KEY_ID'] = undefined
        user.env['AWS_SECRET_ACCESS_KEY'] = undefined
      },
      fix: 'set AWS_PROFILE',
    },
    {
      id: 'identity-expired',
      plant: (patient) => {
        emulator.settings.sessionSeconds = -60
        const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } =
          emulator.env('session')
        const session = { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN }
        Object.assign(patient.user.env, session)
      },
      fix: 'renew it in AWS_ACCESS_KEY_ID',
    },
    {
      id: 'identity-refused',
      plant: ({ user }) => {
        user.env['AWS_SECRET_ACCESS_KEY'] = 'wrong'
      },
      fix: 'check the secret key',
    },
    {
      id: 'identity-denied',
      plant: (patient) =>
        patient.settle(patient.host, { roleArn: 'arn:aws:iam::123456789012:role/nobody' }),
      fix: 'sts:AssumeRole',
    },
    {
      id: 'token-denied',
      plant: () => deny('ecr:GetAuthorizationToken'),
      fix: 'by this policy',
    },
    {
      id: 'token-refused',
      plant: () => {
        const operation = 'GetAuthorizationToken'
        emulator.settings.faults.push({ service: 'ecr', operation, kind: 'status', status: 400 })
      },
      fix: 'try again',
    },
    {
      id: 'token-unreachable',
      plant: () => {
        const operation = 'GetAuthorizationToken'
        emulator.settings.faults.push({ service: 'ecr', operation, kind: 'cut' })
      },
      fix: 'check the network',
    },
    {
      id: 'identity-unreachable',
      state: 'warning',
      plant: () => emulator.settings.faults.push({ service: 'sts', kind: 'cut' }),
      fix: 'check the network',
    },
    {
      id: 'clock-off',
      plant: () => {
        emulator.settings.clockOffsetMs = 10 * 60_000
      },
      fix: 'timedatectl',
    },
    {
      id: 'permissions-missing',
      plant: () => deny('ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'),
      fix: 'arn:aws:iam::123456789012:user/developer',
    },
    {
      id: 'permissions-lists',
      state: 'warning',
      plant: () => deny('ecr:ListImages'),
      fix: 'if lists are wanted',
    },
    {
      id: 'permissions-repository-policy',
      plant: () => {
        emulator.settings.repositoryPolicies['team/app'] = { deny: ['ecr:BatchGetImage'] }
      },
      fix: 'aws ecr set-repository-policy --repository-name team/app',
    },
    {
      id: 'permissions-repository-missing',
      plant: (patient) => {
        patient.host += '/team/absent:1.2'
      },
      fix: 'aws ecr create-repository --repository-name team/absent',
    },
  ],
  'the registry': [
    {
      id: 'registry-unresolved',
      plant: (patient) => patient.settle(patient.host, { connect: 'vpce.company.invalid' }),
      fix: 'mend "connect"',
    },
    {
      id: 'registry-unreachable',
      plant: (patient) => patient.settle(patient.host, { connect: '127.0.0.1:1' }),
      fix: 'VPC endpoints',
    },
    {
      id: 'registry-untrusted',
      plant: async (patient) => {
        const port = await startServer(emulatedPair('proxy.company.test'))
        patient.settle(patient.host, { connect: `127.0.0.1:${port}` })
      },
      fix: 'NODE_EXTRA_CA_CERTS',
    },
    {
      id: 'registry-refuses',
      plant: async (patient) => {
        const port = await startServer(emulatedPair(ECR), REFUSES)
        patient.settle(patient.host, { connect: `127.0.0.1:${port}` })
      },
      fix: 'check that account and region',
    },
  ],
  'the name': [
    {
      id: 'name-unresolved',
      plant: (patient) => patient.settle('docker.company.invalid'),
      fix: '/etc/hosts',
    },
    {
      id: 'name-unreachable',
      plant: (patient) => patient.settle('localhost:1'),
      fix: 'ecr-cname serve',
    },
    {
      id: 'name-plain',
      plant: async (patient) => {
        const port = await startPlainServer((_, response) => response.end())
        patient.settle(`localhost:${port}`)
      },
      fix: '--tls-cert',
    },
    {
      id: 'name-of-ecr',
      plant: (patient) => patient.settle(`localhost:${emulator.registry.port}`),
      fix: 'ecr-cname serve',
    },
    {
      id: 'name-other-name',
      plant: async (patient) => await serveWith(patient, ['other.test'], Date.now()),
      fix: 'ecr-cname cert localhost',
    },
    {
      id: 'name-expired',
      plant: async (patient) => await serveWith(patient, ['localhost'], Date.now() - 500 * DAY),
      fix: '--renew',
    },
    {
      id: 'name-early',
      plant: async (patient) => await serveWith(patient, ['localhost'], Date.now() + 30 * DAY),
      fix: 'clocks',
    },
    {
      id: 'name-expiring',
      state: 'warning',
      plant: async (patient) => await serveWith(patient, ['localhost'], Date.now() - 390 * DAY),
      fix: '--renew',
    },
  ],
  'trust and sidecar': [
    {
      id: 'trust-docker',
      plant: ({ put }) => put('/etc/ssl/certs/ca-certificates.crt', ''),
      fix: '/etc/docker/certs.d/localhost',
    },
    {
      id: 'trust-docker',
      plant: async (patient) => {
        const port = await startServer(pairIn(await ownCertificate(patient)))
        patient.settle(`localhost:${port}`)
      },
      fix: '--install --for docker',
      isMended: true,
    },
    {
      id: 'trust-podman',
      plant: async (patient) => {
        const port = await startServer(pairIn(await ownCertificate(patient)))
        patient.settle(`localhost:${port}`)
        podman(patient)
        rmSync(patient.path('bin/docker'))
      },
      fix: '--install --for podman',
      isMended: true,
    },
    {
      id: 'trust-podman',
      plant: (patient) => {
        podman(patient)
        rmSync(patient.path('bin/docker'))
        patient.put('/etc/ssl/certs/ca-certificates.crt', '')
      },
      fix: '/etc/containers/certs.d/localhost',
    },
    {
      id: 'trust-system',
      plant: ({ path, put }) => {
        rmSync(path('bin/docker'))
        put('/etc/ssl/certs/ca-certificates.crt', '')
      },
      fix: 'update-ca-certificates',
    },
    {
      id: 'sidecar-unready',
      plant: async (patient) => {
        const checks = [{ name: 'localhost', check: 'token', ok: false, detail: 'there is none' }]
        const port = await startPlainServer((_, response) => {
          response.writeHead(503).end(JSON.stringify({ ready: false, checks }))
        })
        patient.settle(patient.host, {}, { proxy: { admin: `127.0.0.1:${port}` } })
      },
      fix: '/readyz',
    },
    {
      id: 'sidecar-upstream',
      plant: async (patient) => {
        const body = JSON.stringify({ errors: [{ message: 'it can not be reached' }] })
        const port = await startServer(emulatedPair('localhost'), ({ url }, response) => {
          if (url === '/healthz') response.end('{"status":"ok"}')
          else response.writeHead(424).end(body)
        })
        patient.settle(`localhost:${port}`)
      },
      fix: 'see its log',
    },
    {
      id: 'sidecar-refuses',
      state: 'warning',
      plant: async (patient) => {
        const port = await startServer(emulatedPair('localhost'), REFUSES)
        patient.settle(`localhost:${port}`)
      },
      fix: 'docker login localhost',
    },
    {
      id: 'sidecar-silent',
      plant: async (patient) => {
        const port = await startServer(emulatedPair('localhost'), ({ socket }) => socket.destroy())
        patient.settle(`localhost:${port}`)
      },
      fix: 'see its log',
    },
  ],
}

describe('doctor', () => {
  it('finds nothing in somebody with nothing the matter', async () => {
    const { troubles, exitCode } = await examined(await healthyPatient(emulator))

    expect(troubles).toEqual([])
    expect(exitCode).toBe(0)
  })

  const all = Object.entries(FAULTS).flatMap(([of, faults]) =>
    faults.map((fault) => ({ of, ...fault })),
  )
  it.each(all)('finds and names $id ($of)', async ({ id, state, plant, fix, isMended }) => {
    const patient = await healthyPatient(emulator)
    await plant(patient)
    const { troubles, exitCode } = await examined(patient)

    expect(troubles.map((one) => one.id)).toEqual([id])
    const [found] = troubles
    expect(found).toMatchObject({
      state: state ?? 'broken',
      why: expect.stringMatching(/\w/) as string,
      fix: { command: expect.stringContaining(fix) as string, safe: isMended ?? false },
    })
    expect(exitCode).toBe(state === 'warning' ? 0 : 1)
    if (!isMended) return
    const { troubles: left, mended } = await examined(patient, '--fix', '--yes')
    expect({ left, mended }).toEqual({ left: [], mended: [id] })
  })
})
