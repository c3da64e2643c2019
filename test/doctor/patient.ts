/** A user for whom everything is in order: emulated ECR, a sidecar, docker that asks our helper. */

import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { onTestFinished } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import type { World } from '../../src/commands/command.ts'
import { install, runHere } from '../commands/people.ts'
import { startServing } from '../commands/running.ts'
import type { Emulator } from '../emulator/emulator.ts'
import { temporaryFolder } from '../support/folder.ts'
import { newUser, type User, writeTree } from '../support/user.ts'

export const HELPER = 'docker-credential-ecr-cname'

export type Shown = {
  readonly id: string
  readonly state: string
  readonly what: string
  readonly why?: string
  readonly fix?: { readonly command: string; readonly paste?: string; readonly safe: boolean }
}

export type Patient = {
  readonly user: User
  readonly emulator: Emulator
  /** The system that is looked at. */
  readonly root: string
  /** What is examined; `localhost` and the sidecar's port, unless a fault says otherwise. */
  host: string
  /** More of the command line. */
  readonly args: string[]
  readonly world: Partial<World>
  /** Writes the configurations of ours and docker's for a name. */
  readonly settle: (host: string, mapping?: object, more?: object) => void
  readonly docker: (config: unknown) => void
  /** Writes a file of the system. */
  readonly put: (path: string, text: string) => void
  /** Puts a process into its /proc. */
  readonly run: (
    name: string,
    env: Readonly<Record<string, string>>,
    args?: readonly string[],
  ) => void
  readonly path: (inHome: string) => string
}

/** Somebody with nothing the matter. */
export async function healthyPatient(emulator: Emulator): Promise<Patient> {
  const user = newUser(emulator)
  const root = temporaryFolder()
  const path = (inHome: string) => join(user.home, inHome)
  const put = (file: string, text: string) => writeTree(root, { [file.slice(1)]: text })
  let pid = 100
  const patient: Patient = {
    user,
    emulator,
    root,
    host: '',
    args: [],
    world: {},
    path,
    put,
    docker: (config) => writeTree(user.home, { '.docker/config.json': JSON.stringify(config) }),
    settle(host, mapping = {}, more = {}) {
      const { host: registry, port } = emulator.registry
      const own = { registry, connect: `127.0.0.1:${port}`, ...mapping }
      user.configure({ registries: { [host]: own }, ...more })
      patient.docker({ credHelpers: { [host]: 'ecr-cname' } })
      patient.host = host
    },
    run(name, env, args = []) {
      const folder = `/proc/${pid++}`
      put(`${folder}/comm`, `${name}\n`)
      put(`${folder}/cmdline`, [`/usr/bin/${name}`, ...args, ''].join('\0'))
      const pairs = Object.entries(env).map(([key, value]) => `${key}=${value}\0`)
      put(`${folder}/environ`, pairs.join(''))
    },
  }
  install(user, {
    [HELPER]: `echo '${HELPER} (ecr-cname) v${packageJson.version}'`,
    docker: 'echo Docker version 28.5.2',
  })
  put('/etc/ssl/certs/ca-certificates.crt', readFileSync(emulator.caFile, 'utf8'))
  const { certFile, keyFile } = emulator.certificate(['localhost'])
  const { port } = await startServing(emulator, ['--tls-cert', certFile, '--tls-key', keyFile], {
    config: {
      registries: {
        localhost: {
          registry: emulator.registry.host,
          connect: `127.0.0.1:${emulator.registry.port}`,
        },
      },
    },
  })
  patient.settle(`localhost:${port}`)
  return patient
}

/** Runs `doctor` for them; what it found that is not in order. */
export async function examined(patient: Patient, ...more: readonly string[]) {
  const { exitCode, stdout, stderr } = await runDoctor(patient, ['--json', ...more])
  const { findings, mended } = JSON.parse(stdout) as {
    readonly findings: readonly Shown[]
    readonly mended?: readonly string[]
  }
  const troubles = findings.filter(({ state }) => state === 'warning' || state === 'broken')
  return { exitCode, findings, troubles, mended, stderr }
}

export async function runDoctor(patient: Patient, more: readonly string[]) {
  const { user, root, host, args, world } = patient
  const hosts = host === '' ? [] : [host]
  return await runHere(user, ['doctor', ...hosts, '--root', root, ...args, ...more], world)
}

/** A server under the name, with a certificate of its own; it takes any login, or answers as told. */
export async function startServer(
  { cert, key }: { readonly cert: string; readonly key: string },
  answer: RequestListener = ({ headers }, response) =>
    response.writeHead(headers.authorization ? 200 : 401).end(),
): Promise<number> {
  const server = createServer({ cert, key }, answer)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

/** The same in plain text. */
export async function startPlainServer(answer: RequestListener): Promise<number> {
  const server = createHttpServer(answer)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

/** Writes a file in somebody's home, with a mode. */
export function write({ path }: Patient, file: string, text: string, mode = 0o600): string {
  mkdirSync(dirname(path(file)), { recursive: true })
  writeFileSync(path(file), text)
  chmodSync(path(file), mode)
  return path(file)
}
