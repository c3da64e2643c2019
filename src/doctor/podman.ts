/** The configuration of podman, buildah and skopeo: whether they ask our helper, and whom before. */

import { existsSync } from 'node:fs'
import { UserError } from '../domain/errors.ts'
import {
  authFiles,
  containersHelperPlace,
  dockerConfigFile,
  dockerHelperPlace,
  readConfig,
  registriesFiles,
} from '../io/engine-configs.ts'
import { readJsonFile } from '../io/json-file.ts'
import { readPlain } from '../io/plain-file.ts'
import { findProgram } from '../io/programs.ts'
import { parseToml, valueAt } from '../setup/toml.ts'
import { type Finding, findingsOf } from './finding.ts'
import { lifeOf, loginFor, removeLogins } from './logins.ts'
import { at, type Mapped, type Scene } from './scene.ts'

const { skipped, broken } = findingsOf('podman')
const PROGRAMS = ['podman', 'buildah', 'skopeo']

export function checkPodman(scene: Scene, mapped: readonly Mapped[]): Finding[] {
  const found = PROGRAMS.filter((program) => findProgram(program, scene.env))
  if (found.length === 0) return [skipped(`none of ${PROGRAMS.join(', ')} is on PATH`)]
  const wrong = [...brokenFiles(scene)]
  if (wrong.length > 0) return wrong
  return mapped.flatMap(({ host }) => [...ofHost(host, found, scene)])
}

function* brokenFiles(scene: Scene): Iterable<Finding> {
  for (const file of registriesFiles(scene.env, at(scene, '/etc/containers'))) {
    const message = failureOf(() => parseToml(file, readPlain(file).toString('utf8')))
    if (message === undefined) continue
    yield broken('registries-broken', {
      what: message,
      why: 'podman, buildah and skopeo refuse to start any pull',
      fix: `mend ${file}`,
    })
  }
  const ofDocker = dockerConfigFile(scene.env)
  for (const file of authFiles(scene.env).filter((one) => one !== ofDocker)) {
    const message = failureOf(() => readJsonFile(file))
    if (message === undefined) continue
    yield broken('logins-broken', {
      what: message,
      why: 'podman, buildah and skopeo fail on it before they ask any helper',
      fix: `mend ${file}, or move it away and log in again`,
    })
  }
}

function failureOf(read: () => unknown): string | undefined {
  try {
    read()
    return undefined
  } catch (error) {
    if (error instanceof UserError) return error.message
    throw error
  }
}

function* ofHost(host: string, programs: readonly string[], scene: Scene): Iterable<Finding> {
  const { env, now } = scene
  const about = findingsOf('podman', host)
  const place = containersHelperPlace(host, env, at(scene, '/etc/containers'))
  const stored = storedLogin(host, scene)
  if (stored && stored.login.username !== 'AWS') {
    yield about.ok(`${stored.file} holds a login ${lifeOf(stored.login, now())}`)
    return
  }
  const isInTheWay = stored !== undefined && asksFilesFirst(scene)
  if (isInTheWay) {
    const { file, login } = stored
    yield about.broken('stale-login', {
      what: `${file} holds ${lifeOf(login, now())}`,
      why: 'a login that stands there is taken before any helper is asked',
      fix: {
        command: `podman logout --authfile ${file} ${host}`,
        mend: () => removeLogins(file, host),
      },
    })
  }
  if (place !== undefined) yield about.ok(`${place} has our helper asked`)
  else if (!isInTheWay) {
    // Whoever has set up docker alone may not use them at all.
    const report = dockerHelperPlace(host, env) === undefined ? about.broken : about.warning
    yield report('not-asked', {
      what: `no file of ${programs.join(', ')} names our helper`,
      why: 'they know no credsStore, and go on without credentials',
      fix: `sudo ecr-cname setup podman ${host}, or without sudo for this user alone`,
    })
  }
}

/** Whether the files come before our helper, which is how it is unless somebody said otherwise. */
function asksFilesFirst(scene: Scene): boolean {
  const files = registriesFiles(scene.env, at(scene, '/etc/containers'))
  const helpers = files
    .map((file) => parseToml(file, readPlain(file).toString('utf8'))['credential-helpers'])
    .findLast((list) => Array.isArray(list))
  if (!Array.isArray(helpers) || !helpers.includes('ecr-cname')) return true
  const before = helpers.indexOf('containers-auth.json')
  return before !== -1 && before < helpers.indexOf('ecr-cname')
}

function storedLogin(host: string, { env }: Scene) {
  for (const file of authFiles(env)) {
    const login = loginFor(host, readConfig(file))
    if (login) return { file, login }
  }
  return undefined
}

/** Whether a name is pulled from the registry itself, so that nothing has to answer under it. */
export function isRewritten(host: string, registry: string, scene: Scene): boolean {
  const files = registriesFiles(scene.env, at(scene, '/etc/containers'))
  return files.some((file) => {
    try {
      const tables = parseToml(file, existsSync(file) ? readPlain(file).toString('utf8') : '')[
        'registry'
      ]
      return (
        Array.isArray(tables) &&
        tables.some((table: unknown) => {
          const [prefix, location] = [valueAt(table, ['prefix']), valueAt(table, ['location'])]
          return prefix === host && typeof location === 'string' && location.startsWith(registry)
        })
      )
    } catch {
      return false
    }
  })
}
