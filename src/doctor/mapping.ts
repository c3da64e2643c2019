/** Which registry stands behind a name. */

import { isTrusted, lookUp } from '../io/dns.ts'
import { loadConfig } from '../io/config.ts'
import { toFault } from './fault.ts'
import { type Finding, findingsOf } from './finding.ts'
import type { Rule, Scene, Subject } from './scene.ts'

export async function checkMapping(
  { host, asked, mapping, rule, failure }: Subject,
  scene: Scene,
): Promise<Finding[]> {
  const about = findingsOf('mapping', host)
  if (mapping) return [about.ok(`${RULES[rule ?? 'exact']} leads to ${mapping.registry.host}`)]
  if (failure?.code === 'CONFIG') return [about.skipped('the configuration is broken')]
  if (failure) {
    return [
      about.broken('dns', {
        ...toFault(failure),
        why: 'in a trusted zone the DNS says which registry it is',
      }),
    ]
  }
  if (scene.isOffline && isTrusted(asked.host, loadConfig(scene.env).dns.trustedZones)) {
    return [about.skipped('offline, and the DNS says which registry it is')]
  }
  const led = scene.isOffline ? undefined : await whereTheDnsLeads(asked.host, scene)
  if (led !== undefined) {
    return [
      about.broken('untrusted-zone', {
        what: `it is not mapped; the DNS leads it to ${led}, and no zone of it is in dns.trustedZones`,
        why: 'whoever can repoint a name would be handed a token, so only zones that you trust are followed',
        fix: `ecr-cname map add ${host} ${led}, or put its zone into dns.trustedZones`,
      }),
    ]
  }
  return [
    about.broken('missing', {
      what: 'no registry is mapped to it',
      why: 'our helper answers "credentials not found", and clients go on without any',
      fix: `ecr-cname map add ${host} ACCOUNT.dkr.ecr.REGION.amazonaws.com`,
    }),
  ]
}

const RULES: Readonly<Record<Rule, string>> = {
  exact: 'a mapping of this name',
  wildcard: 'a mapping with a wildcard',
  ecr: "it is ECR's own name, which",
  dns: 'the DNS, in a trusted zone,',
}

async function whereTheDnsLeads(host: string, { env }: Scene): Promise<string | undefined> {
  try {
    return (await lookUp(host, loadConfig(env).dns.servers))?.registry.host
  } catch {
    // Nobody relies on it, so that it gives no answer is no fault.
    return undefined
  }
}
