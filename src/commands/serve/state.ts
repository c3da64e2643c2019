/** What is known of a service, for those who look after it. */

import type { State } from '../../proxy/state.ts'
import type { Service } from './service.ts'

/** The state of a service as far as its settings tell it. */
export function stateOf({ settings, tls }: Service, startedAt: number): State {
  return {
    startedAt,
    workers: 1,
    names: [...settings.mappings.values()].map(({ name, registry, replicas = [] }) => ({
      name,
      registry: registry.host,
      replicas: replicas.map((replica) => replica.registry.host),
      ...(tls && { certificate: tls.validityFor(name) }),
      injects: settings.inject !== undefined,
      upstream: {},
    })),
  }
}
