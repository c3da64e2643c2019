/** What a report holds besides findings: configurations, environment and versions, without secrets. */

import { existsSync, readdirSync } from 'node:fs'
import { arch, platform, release } from 'node:os'
import { versions } from 'node:process'
import { parse as parseYaml } from 'yaml'
import { configFiles, type Environment } from '../front/places.ts'
import { ownSecrets } from './secrets.ts'
import { authFiles, dockerConfigFile, registriesFiles } from '../io/engine-configs.ts'
import { readPlain } from '../io/plain-file.ts'
import { findProgram, runProgram, withoutSecrets } from '../io/programs.ts'
import { parseToml } from '../setup/toml.ts'
import { createRedaction } from './redact.ts'
import { at, PATIENCE_MS, type Scene } from './scene.ts'

export type Gathering = Pick<Scene, 'env' | 'root' | 'version' | 'now'>

/** The whole report as JSON. */
export async function gather(findings: unknown, scene: Gathering): Promise<string> {
  const { env, version, now } = scene
  const redaction = createRedaction()
  ownSecrets(env).forEach(redaction.learn)
  const report = {
    version,
    at: new Date(now()).toISOString(),
    system: { platform: platform(), release: release(), arch: arch(), node: versions.node },
    programs: await programVersions(env),
    environment: Object.fromEntries(
      Object.entries(env).flatMap(([name, value]) =>
        value !== undefined && SHOWN.test(name) ? [[name, redaction.variable(name, value)]] : [],
      ),
    ),
    configurations: filesOf(scene).map((file) => ({
      file,
      content: redaction.value(contentOf(file)),
    })),
    findings,
  }
  return redaction.text(`${JSON.stringify(report, null, 2)}\n`)
}

/** Variables that decide what happens; no others are told, not even by name. */
const SHOWN =
  /^(AWS_|ECR_CNAME_|DOCKER_|REGISTRY_AUTH_FILE$|CONTAINERS_|XDG_|(HTTPS?|NO|ALL)_PROXY$|PATH$|HOME$|LANG$|LC_|TERM$|NODE_EXTRA_CA_CERTS$|SSL_CERT_)/i

function filesOf(scene: Gathering): readonly string[] {
  const { env } = scene
  const folder = at(scene, '/etc/containerd/certs.d')
  const hosts = existsSync(folder) ? readdirSync(folder) : []
  const all = [
    ...configFiles(env),
    dockerConfigFile(env),
    ...authFiles(env),
    ...registriesFiles(env, at(scene, '/etc/containers')),
    at(scene, '/etc/docker/daemon.json'),
    at(scene, '/etc/containerd/config.toml'),
    ...hosts.map((host) => `${folder}/${host}/hosts.toml`),
    at(scene, '/etc/kubernetes/image-credential-provider/config.json'),
    at(scene, '/etc/kubernetes/image-credential-provider/config.yaml'),
    at(scene, '/etc/eks/image-credential-provider/config.json'),
  ]
  return [...new Set(all)].filter((file) => existsSync(file))
}

// What can't be read as what it is may hold a secret anywhere, so nothing of it is told.
function contentOf(file: string): unknown {
  try {
    const text = readPlain(file).toString('utf8')
    if (/\.(toml|conf)$/.test(file)) return parseToml(file, text)
    return file.endsWith('.yaml') ? parseYaml(text) : JSON.parse(text)
  } catch {
    return 'it is there, and can not be read as what it is'
  }
}

const PROGRAMS = [
  'docker',
  'podman',
  'skopeo',
  'buildah',
  'containerd',
  'nerdctl',
  'kubelet',
  'aws',
]

async function programVersions(env: Environment): Promise<Readonly<Record<string, string>>> {
  const signal = AbortSignal.timeout(PATIENCE_MS)
  const found = await Promise.all(
    PROGRAMS.map(async (name) => {
      const path = findProgram(name, env)
      if (path === undefined) return []
      const ended = await runProgram(path, ['--version'], { env: withoutSecrets(env), signal })
      return [[name, `${path}: ${ended?.stdout.split('\n')[0] ?? ''}`]] as const
    }),
  )
  return Object.fromEntries(found.flat())
}
