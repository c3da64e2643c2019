/** Which names `serve` answers to, and the registry behind each. */

import { type Config, mergeConfig } from '../../domain/config.ts'
import { UserError } from '../../domain/errors.ts'
import type { Mapping, Mappings } from '../../domain/mapping.ts'
import type { Environment } from '../command.ts'

/** Names that are served, and those of the configuration that can't be. */
export type ServedRegistries = { readonly mappings: Mappings; readonly left: readonly string[] }

/** The names of the flags, else of REGISTRY and ECR_REGISTRY, else of the configuration. */
export function readRegistries(
  flags: readonly string[] | undefined,
  env: Environment,
  config: Config,
): ServedRegistries {
  const given = flags?.map(readFlag) ?? readEnvironment(env)
  if (given.length > 0) {
    const mappings = given.map((pair) => withConfig(readMapping(pair), config.mappings))
    return { mappings: byName(mappings), left: [] }
  }
  const own = [...config.mappings.values()]
  const served = own.filter((mapping) => whyNotServed(mapping) === undefined)
  if (served.length === 0) throw new UserError('CONFIG', NOTHING)
  const left = own.filter((mapping) => !served.includes(mapping)).map(({ name }) => name)
  return { mappings: byName(served), left }
}

const NOTHING =
  'serve: no registry to serve; name one with --registry docker.company.com=ECR_HOST or under "registries" of the configuration'

/** A name and a registry as they were written, and where. */
type Pair = { readonly where: string; readonly name: string; readonly registry: string }

function readFlag(flag: string): Pair {
  const [name = '', registry = '', ...more] = flag.split('=').map((part) => part.trim())
  if (name === '' || registry === '' || more.length > 0) {
    throw new UserError('USAGE', `--registry ${flag}: expected HOST=ECR_HOST`)
  }
  return { where: '--registry', name, registry }
}

// The two variables of marjamis/ecr_reverse_proxy.
function readEnvironment({ REGISTRY: name, ECR_REGISTRY: registry }: Environment): readonly Pair[] {
  if (!name && !registry) return []
  if (name && registry) return [{ where: 'REGISTRY and ECR_REGISTRY', name, registry }]
  const [given, missing] = name ? ['REGISTRY', 'ECR_REGISTRY'] : ['ECR_REGISTRY', 'REGISTRY']
  throw new UserError('CONFIG', `${given} is set, but not ${missing}; set both, or neither`)
}

function readMapping({ where, name, registry }: Pair): Mapping {
  const { mappings } = mergeConfig([{ where, value: { registries: { [name]: registry } } }])
  const [mapping] = mappings.values()
  const reason = mapping ? whyNotServed(mapping) : 'it is empty'
  if (mapping && reason === undefined) return mapping
  throw new UserError('CONFIG', `${where}: ${registry} can't be served: ${reason}`)
}

function whyNotServed({ registry }: Mapping): string | undefined {
  if (registry.kind === 'public') return 'it is the public gallery, not a registry of an account'
  if (registry.account) return undefined
  return 'ECR refuses an endpoint\'s name as Host; name the registry, and the endpoint as its "connect" in the configuration'
}

// What the configuration says of the same name and registry still holds, `connect` above all.
function withConfig(mapping: Mapping, known: Mappings): Mapping {
  const same = known.get(mapping.name)
  return same?.registry.host === mapping.registry.host ? same : mapping
}

function byName(mappings: readonly Mapping[]): Mappings {
  return new Map(mappings.map((mapping) => [mapping.name, mapping]))
}
