/** What the DNS says of a name: its CNAME chain, its `_ecr-cname` TXT record. */

import { Resolver } from 'node:dns/promises'
import { UserError } from '../domain/errors.ts'
import { parseRegistry, type Registry } from '../domain/registry.ts'
import type { Config } from '../domain/config.ts'

const LONGEST_CHAIN = 8

/** Whether a host stands in one of the zones whose owner is trusted to say where it leads. */
export function isTrusted(host: string, zones: readonly string[]): boolean {
  return zones.some((zone) => host === zone || host.endsWith(`.${zone}`))
}

/** What the DNS says of a name that leads to a registry. */
export type Found = {
  readonly registry: Registry
  readonly by: 'CNAME' | 'TXT'
  /** The names after the one that was asked for, as far as CNAMEs led. */
  readonly chain: readonly string[]
}

/**
 * The registry behind a host of a trusted zone: where its CNAME chain ends, else what the TXT
 * record at `_ecr-cname.<host>` reads. Every link before the registry must be in a trusted zone.
 * `undefined` where neither exists; a UserError of code DNS where the servers did not answer.
 */
export async function lookUpRegistry(
  host: string,
  dns: Config['dns'],
): Promise<Registry | undefined> {
  const found = await lookUp(host, dns.servers, (name) => isTrusted(name, dns.trustedZones))
  return found?.registry
}

/** As `lookUpRegistry`, with all that led there; goes on from each name that `follows` says yes to. */
export async function lookUp(
  host: string,
  servers: readonly string[],
  follows: (name: string) => boolean = () => true,
): Promise<Found | undefined> {
  const resolver = new Resolver({ timeout: 1500, tries: 2 })
  useServers(resolver, servers)
  const chain: string[] = []
  let refusal: unknown
  // A server that knows some records and has nobody to ask for others refuses (dnsmasq does): it may
  // still know the other record.
  const unlessRefused = (error: unknown) => {
    if (codeOf((error as UserError).cause) !== 'EREFUSED') throw error
    refusal = error
    return []
  }
  for (let name = host; chain.length < LONGEST_CHAIN && follows(name);) {
    const [next] = await none(host, resolver.resolveCname(name)).catch(unlessRefused)
    if (next === undefined) break
    name = next.toLowerCase().replace(/\.$/, '')
    chain.push(name)
    const registry = parseRegistry(name)
    if (registry) return { registry, by: 'CNAME', chain }
  }
  const texts = await none(host, resolver.resolveTxt(`_ecr-cname.${host}`))
  const [, text = ''] =
    texts.map((parts) => /^registry=(\S+)$/.exec(parts.join('').trim())).find(Boolean) ?? []
  const registry = parseRegistry(text)
  if (!registry && refusal) throw refusal as UserError
  return registry && { registry, by: 'TXT', chain }
}

function useServers(resolver: Resolver, servers: readonly string[]): void {
  if (servers.length === 0) return
  try {
    resolver.setServers([...servers])
  } catch {
    throw new UserError('CONFIG', `dns.servers: expected addresses, got ${servers.join(', ')}`)
  }
}

// "No such name" and "no such record" are answers; all else is a failure to get one.
async function none<T>(host: string, question: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await question
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOTFOUND' || code === 'ENODATA') return []
    throw new UserError(
      'DNS',
      `${host}: the DNS servers gave no answer (${code}); check dns.servers, or map the host under registries`,
      { cause: error },
    )
  }
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException | undefined)?.code ?? ''
}
