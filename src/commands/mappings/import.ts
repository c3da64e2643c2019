/** `map import [FILE]`: what earlier tools knew. */

import { record } from '../../domain/checks.ts'
import { mergeConfig } from '../../domain/config.ts'
import { type DockerConfig, helpersOf } from '../../domain/docker-config.ts'
import { UserError } from '../../domain/errors.ts'
import { parseRegistry } from '../../domain/registry.ts'
import { homeFolder } from '../../front/places.ts'
import { dockerConfigFile } from '../../io/engine-configs.ts'
import { readJsonFile, readNamedJsonFile } from '../../io/json-file.ts'
import type { Environment, World } from '../command.ts'
import { openMapFile } from './file.ts'
import type { MapFlags } from './help.ts'
import { nameIn } from './names.ts'

export async function importMappings(
  [given, ...more]: readonly string[],
  flags: MapFlags,
  world: World,
): Promise<number> {
  if (more.length > 0) throw new UserError('USAGE', 'map import: expected one FILE')
  const file = openMapFile(world, flags.system === true)
  const { known, notes } = gather(given, world.env)
  const [put, kept] = [new Map<string, string>(), [] as string[]]
  for (const [name, registry] of known) {
    const before = file.mappings.get(name)?.registry.host
    if (before === undefined) put.set(name, registry)
    else if (before !== registry) kept.push(`${name} stays mapped to ${before}, not to ${registry}`)
  }
  if (put.size > 0) await file.change(put)
  put.forEach((registry, name) =>
    world.stdout(`${name} is mapped to ${registry} in ${file.path}\n`),
  )
  if (put.size === 0) world.stdout('there is nothing new to map\n')
  ;[...kept, ...notes].forEach((note) => world.stderr(`${note}\n`))
  return 0
}

function customFile(env: Environment): string {
  return env['AWS_ECR_CUSTOM_CONFIG'] || `${homeFolder(env)}/.ecr/custom.json`
}

function gather(given: string | undefined, env: Environment): Gathered {
  const gathered: Gathered = { known: new Map(), notes: [] }
  if (given) {
    const found = readNamedJsonFile(given)
    if (!found) throw new UserError('FILE', `${given}: there is no such file, or nothing in it`)
    read(given, found.value, gathered)
    return gathered
  }
  const [custom, docker] = [customFile(env), dockerConfigFile(env)]
  const [names, config] = [readJsonFile(custom), readJsonFile(docker)]
  if (names) read(custom, names.value, gathered)
  if (config) readDocker(docker, record({ where: docker, key: '', value: config.value }), gathered)
  return gathered
}

type Gathered = { readonly known: Map<string, string>; readonly notes: string[] }

// Helpers of ECR that came before: of AWS, and one that put names of one's own before it.
const EARLIER = ['ecr-login', 'ecr-custom']

function read(path: string, value: unknown, { known, notes }: Gathered): void {
  const config = (value ?? {}) as DockerConfig
  if (config.auths || config.credHelpers || config.credsStore) {
    readDocker(path, config, { known, notes })
    return
  }
  for (const mapping of mergeConfig([{ where: path, value }]).mappings.values()) {
    const { name, registry, ...more } = mapping
    known.set(name, registry.host)
    const keys = Object.keys(more).join(', ')
    if (keys) notes.push(`${name}: its ${keys} in ${path} stays behind; add it by hand`)
  }
}

function readDocker(path: string, config: DockerConfig, { known, notes }: Gathered): void {
  const hosts = Object.entries(helpersOf(config)).filter(([, helper]) => isEarlier(helper))
  for (const [host, helper] of hosts) {
    const name = nameIn(host) ?? host
    if (known.has(name)) continue
    notes.push(
      parseRegistry(name)
        ? `${name}: needs no mapping; name ecr-cname in place of ${String(helper)} in ${path}`
        : `${name}: left to ${String(helper)} in ${path}; name its registry: ecr-cname map add ${name}`,
    )
  }
  if (isEarlier(config.credsStore)) {
    notes.push(`name ecr-cname in place of ${String(config.credsStore)} in ${path}`)
  }
}

function isEarlier(helper: unknown): boolean {
  return EARLIER.includes(helper as string)
}
