/** Docker's configuration: whether it can be used, and whom it asks for our names. */

import { accessSync, chmodSync, constants, existsSync, statSync } from 'node:fs'
import { platform } from 'node:os'
import { dirname } from 'node:path'
import { type DockerConfig, helperKey, helpersOf } from '../domain/docker-config.ts'
import { UserError } from '../domain/errors.ts'
import { homeFolder } from '../front/places.ts'
import { containersHelperPlace, dockerConfigFile } from '../io/engine-configs.ts'
import { readJsonFile } from '../io/json-file.ts'
import { findProgram } from '../io/programs.ts'
import { loginsOf } from '../setup/docker.ts'
import { type Finding, findingsOf } from './finding.ts'
import { lifeOf, loginFor, removeLogins } from './logins.ts'
import { HELPER_PREFIX } from './program.ts'
import { at, type Mapped, type Scene } from './scene.ts'

const OURS = 'ecr-cname'
const { skipped, warning, broken } = findingsOf('docker')

export function checkDocker(scene: Scene, mapped: readonly Mapped[]): Finding[] {
  const file = dockerConfigFile(scene.env)
  const isThere = existsSync(file)
  if (!isThere && !findProgram('docker', scene.env)) {
    return [skipped(`neither docker on PATH nor ${file}`)]
  }
  try {
    const config = (readJsonFile(file)?.value ?? {}) as DockerConfig
    return [
      ...(isThere ? ofTheFile(file, config) : []),
      ...missingHelpers(config, file, scene),
      ...mapped.flatMap((subject) => [...ofHost(subject, { config, file, scene })]),
    ]
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    return [
      broken('broken', {
        what: error.message,
        why: 'docker warns, and goes on with no configuration and so without credentials',
        fix: `mend ${file}; what docker needs of us goes in by: ecr-cname setup docker`,
      }),
    ]
  }
}

function* ofTheFile(file: string, config: DockerConfig): Iterable<Finding> {
  const { mode } = statSync(file)
  if ((mode & 0o200) === 0) {
    yield warning('read-only', {
      what: `${file} is read-only`,
      why: 'docker rewrites it at every login and logout, which then fail though the login itself went well',
      fix: { command: `chmod u+w ${file}`, mend: () => chmodSync(file, (mode & 0o7777) | 0o200) },
    })
  } else if (!isWritable(dirname(file))) {
    yield warning('read-only', {
      what: `${dirname(file)} can't be written`,
      why: 'docker writes a new file there at every login and logout, which then fail though the login itself went well',
      fix: `chmod u+w ${dirname(file)}, or mount it writable`,
    })
  }
  if (platform() !== 'win32' && (mode & 0o077) !== 0 && loginsOf(config).length > 0) {
    yield warning('open', {
      what: `${file} holds logins and is open to other users`,
      why: 'base64 hides nothing: whoever reads it has the passwords',
      fix: { command: `chmod 600 ${file}`, mend: () => chmodSync(file, 0o600) },
    })
  }
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}

// Ours is looked for under its own link.
function* missingHelpers(config: DockerConfig, file: string, { env }: Scene): Iterable<Finding> {
  const helpers = [config.credsStore, ...Object.values(helpersOf(config))]
  for (const helper of new Set(helpers)) {
    if (typeof helper !== 'string' || helper === '' || helper === OURS) continue
    if (findProgram(`${HELPER_PREFIX}${helper}`, env)) continue
    const hosts = Object.entries(helpersOf(config)).filter(([, own]) => own === helper)
    const whose = config.credsStore === helper ? 'all registries' : hosts.map(([host]) => host)
    yield warning('helper-missing', {
      what: `${file} has ${HELPER_PREFIX}${helper} asked for ${[whose].flat().join(', ')}, and it is not on PATH`,
      why: 'commands that need a login there fail, and a classic docker build loses the credentials of all',
      fix: `install ${HELPER_PREFIX}${helper}, or take it out of ${file}`,
    })
  }
}

type About = { readonly config: DockerConfig; readonly file: string; readonly scene: Scene }

function* ofHost(subject: Mapped, { config, file, scene }: About): Iterable<Finding> {
  const { host } = subject
  const about = findingsOf('docker', host)
  yield* fromVariable(host, scene)
  const login = loginFor(host, config)
  const key = helperKey(config, host, OURS)
  if (key === undefined) {
    const hasOwn = login !== undefined && login.username !== 'AWS' && !config.credsStore
    if (hasOwn) yield about.ok(`${file} holds a login ${lifeOf(login, scene.now())}`)
    else yield notAsked(subject, { config, file, scene })
    return
  }
  yield about.ok(`${key} in ${file} has our helper asked`)
  if (!login) return
  yield about.warning('stale-login', {
    what: `${file} holds a login besides, ${lifeOf(login, scene.now())}`,
    why: 'docker does not look at it any more, but tools that read the file themselves do',
    fix: { command: `docker logout ${host}`, mend: () => removeLogins(file, host) },
  })
}

function notAsked({ host, rule }: Mapped, { config, file, scene }: About): Finding {
  const { env, setUpDocker } = scene
  const { broken: report, warning: warn } = findingsOf('docker', host)
  // What only the DNS leads to can't be set up by name, and all names are not for us to take.
  const isNamed = rule !== 'dns'
  const command = `ecr-cname setup docker${isNamed ? ` ${host}` : ''}`
  const fix = { command, ...(isNamed && { mend: () => setUpDocker(host) }) }
  const own = helpersOf(config)[host]
  if (typeof own === 'string') {
    return report('overridden', {
      what: `credHelpers in ${file} has ${HELPER_PREFIX}${own} asked`,
      why: 'credHelpers goes before credsStore, so our helper is never asked for this name',
      fix,
    })
  }
  const usual = `${homeFolder(env)}/.docker/config.json`
  if (env['DOCKER_CONFIG'] && file !== usual && existsSync(usual)) {
    return report('elsewhere', {
      what: `DOCKER_CONFIG leads docker to ${file}, which does not name our helper`,
      why: `what ${usual} says does not hold here, and docker goes on without credentials`,
      fix: { ...fix, command: `DOCKER_CONFIG=${env['DOCKER_CONFIG']} ${command}` },
    })
  }
  const { credsStore } = config
  if (typeof credsStore === 'string' && credsStore !== '') {
    return report('other-store', {
      what: `credsStore in ${file} has ${HELPER_PREFIX}${credsStore} asked for all registries`,
      why: 'that helper mints no tokens: at best it holds one that ends within 12 hours',
      fix,
    })
  }
  // Whoever has set up podman alone may not use docker at all.
  const isSpared = containersHelperPlace(host, env, at(scene, '/etc/containers')) !== undefined
  return (isSpared ? warn : report)('not-asked', {
    what: `${file} does not name our helper`,
    why: 'docker goes on without credentials: "no basic auth credentials"',
    fix,
  })
}

function* fromVariable(host: string, { env }: Scene): Iterable<Finding> {
  const text = env['DOCKER_AUTH_CONFIG']
  if (!text) return
  const about = findingsOf('docker', host)
  try {
    if (!loginFor(host, JSON.parse(text) as DockerConfig)) return
    yield about.broken('auth-config', {
      what: 'DOCKER_AUTH_CONFIG is set and holds a login',
      why: 'docker from 28.3.2 on, and CI runners, take it and never ask our helper',
      fix: `unset DOCKER_AUTH_CONFIG, or take ${host} out of it`,
    })
  } catch {
    yield about.warning('auth-config', {
      what: 'DOCKER_AUTH_CONFIG is set, and is no JSON',
      why: 'docker from 28.3.2 on reads it before it asks any helper',
      fix: 'unset DOCKER_AUTH_CONFIG',
    })
  }
}
