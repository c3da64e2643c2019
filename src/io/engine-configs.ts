/** Where container engines look for credentials, and whether they ask our helper there. */

import { existsSync, readdirSync } from 'node:fs'
import { getuid } from 'node:process'
import { parse as parseToml } from 'smol-toml'
import { type DockerConfig, hasLogin, helperKey, helpersOf } from '../domain/docker-config.ts'
import { type Environment, homeFolder } from '../front/places.ts'
import { readPlain } from './plain-file.ts'

/** The name under which engines know our helper. */
const OURS = 'ecr-cname'

/** The configuration of docker, and of what follows it: nerdctl, oras. */
export function dockerConfigFile(env: Environment): string {
  return `${env['DOCKER_CONFIG'] || `${homeFolder(env)}/.docker`}/config.json`
}

/** The place that names our helper for a host, as docker and its followers look for one. */
export function dockerHelperPlace(host: string, env: Environment): string | undefined {
  return placeIn(dockerConfigFile(env), host)
}

/** The same of helm, which looks into docker's file where its own has no login. */
export function helmHelperPlace(host: string, env: Environment): string | undefined {
  const folder = env['HELM_CONFIG_HOME'] || `${configHome(env)}/helm`
  const own = env['HELM_REGISTRY_CONFIG'] || `${folder}/registry/config.json`
  const place = placeIn(own, host)
  return place ?? (hasLogin(readConfig(own), host) ? undefined : dockerHelperPlace(host, env))
}

/**
 * The same of podman, buildah and skopeo: containers-auth.json(5), containers-registries.conf(5).
 * They know no credsStore, and take what they find first.
 */
export function containersHelperPlace(
  host: string,
  env: Environment,
  system?: string,
): string | undefined {
  const conf = registriesFiles(env, system).findLast((file) =>
    Array.isArray(credentialHelpersOf(file)),
  )
  const helpers = (conf && credentialHelpersOf(conf)) ?? [FILES]
  const places = (Array.isArray(helpers) ? helpers : []).flatMap((helper) => {
    if (helper === OURS) return [`credential-helpers in ${conf}`]
    return helper === FILES ? placesInFiles(host, env) : []
  })
  return places[0]
}

/** The first file that knows a host; `undefined` for it where that keeps a login of its own. */
function placesInFiles(host: string, env: Environment): readonly (string | undefined)[] {
  for (const file of authFiles(env)) {
    const config = readConfig(file)
    if (helpersOf(config)[host] === OURS) return [`credHelpers in ${file}`]
    if (hasLogin(config, host)) return [undefined]
  }
  return []
}

// The one name among the helpers that stands for files.
const FILES = 'containers-auth.json'

/** A Docker configuration; one that is missing or broken says nothing. */
export function readConfig(file: string): DockerConfig {
  try {
    return (JSON.parse(readPlain(file).toString('utf8')) ?? {}) as DockerConfig
  } catch {
    return {}
  }
}

function placeIn(file: string, host: string): string | undefined {
  const key = helperKey(readConfig(file), host, OURS)
  return key && `${key} in ${file}`
}

/** The files in which podman, buildah and skopeo look for logins, in that order. */
export function authFiles(env: Environment): readonly string[] {
  if (env['REGISTRY_AUTH_FILE']) return [env['REGISTRY_AUTH_FILE']]
  const runtime = env['XDG_RUNTIME_DIR']
  return [
    runtime ? `${runtime}/containers/auth.json` : `/run/containers/${getuid?.() ?? 0}/auth.json`,
    `${configHome(env)}/containers/auth.json`,
    dockerConfigFile(env),
  ]
}

/**
 * The files that say where podman, buildah and skopeo pull from. The later ones win: the user's
 * file takes the place of the system's, and drop-ins add to it.
 */
export function registriesFiles(env: Environment, system = '/etc/containers'): readonly string[] {
  if (env['CONTAINERS_REGISTRIES_CONF']) return [env['CONTAINERS_REGISTRIES_CONF']]
  const own = `${configHome(env)}/containers`
  const main = [own, system].map((folder) => `${folder}/registries.conf`).find(existsSync)
  return [...(main ? [main] : []), ...dropIns(system), ...dropIns(own)]
}

function dropIns(folder: string): readonly string[] {
  const path = `${folder}/registries.conf.d`
  if (!existsSync(path)) return []
  const names = readdirSync(path).filter((name) => name.endsWith('.conf'))
  return names.sort().map((name) => `${path}/${name}`)
}

function credentialHelpersOf(file: string): unknown {
  try {
    return parseToml(readPlain(file).toString('utf8'))['credential-helpers']
  } catch {
    return undefined
  }
}

function configHome(env: Environment): string {
  return env['XDG_CONFIG_HOME'] || `${homeFolder(env)}/.config`
}
