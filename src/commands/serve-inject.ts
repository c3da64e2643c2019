/** `--auth inject`: who may use it, and the tokens behind it. */

import type { Config } from '../domain/config.ts'
import type { Mapping } from '../domain/mapping.ts'
import { readGiven } from '../io/certificate.ts'
import type { Admission } from '../proxy/admission.ts'
import { createClients, parsePasswords } from '../proxy/clients.ts'
import type { Tokens } from '../proxy/tokens.ts'
import type { Supply } from '../tokens/supply.ts'
import type { Log } from './log.ts'
import type { InjectSettings } from './serve-settings.ts'
import { supplyFor, type SupplyWorld } from './serve-tokens.ts'

/** Who may use it, with the file of clients read. */
export function readAdmission({ clientsFile, clientCaFile, allow }: InjectSettings): Admission {
  const clients =
    clientsFile === undefined
      ? undefined
      : createClients(parsePasswords(readGiven(clientsFile, 'made by htpasswd -B'), clientsFile))
  return {
    ...(clients && { clients }),
    takesCertificates: clientCaFile !== undefined,
    ...(allow && { allow }),
  }
}

export type Supplies = {
  readonly tokensFor: (mapping: Mapping) => Tokens
  readonly close: () => void
}

/** Supplies for every mapping, each begun at once so that no pull has to wait for it. */
export function openSupplies(
  mappings: Iterable<Mapping>,
  { refreshAfter }: Pick<Config, 'refreshAfter'>,
  world: SupplyWorld,
  log: Log,
): Supplies {
  const supplies = new Map<Mapping, Supply>()
  const tokensFor = (mapping: Mapping) => {
    const supply = supplies.get(mapping) ?? supplyFor(mapping, refreshAfter, world, log)
    supplies.set(mapping, supply)
    return supply
  }
  for (const mapping of mappings) tokensFor(mapping)
  return { tokensFor, close: () => supplies.forEach((supply) => supply.close()) }
}
