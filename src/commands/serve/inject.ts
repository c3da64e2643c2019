/** `--auth inject`: who may use it, and the tokens behind it. */

import type { Config } from '../../domain/config.ts'
import type { Mapping } from '../../domain/mapping.ts'
import { readGiven } from '../../io/certificate.ts'
import type { CheckPassword } from '../../io/passwords.ts'
import type { Admission } from '../../proxy/admission.ts'
import { type Clients, createClients, parsePasswords } from '../../proxy/clients.ts'
import type { Supply } from '../../tokens/supply.ts'
import type { Log } from '../log.ts'
import type { InjectSettings } from './settings.ts'
import { supplyFor, type SupplyWorld } from './tokens.ts'

/** Who may use it, with the file of clients read. */
export function readAdmission(
  { clientsFile, clientCaFile, allow }: InjectSettings,
  check: CheckPassword,
): Admission {
  const clients = clientsFile === undefined ? undefined : readClients(clientsFile, check)
  return {
    ...(clients && { clients }),
    takesCertificates: clientCaFile !== undefined,
    ...(allow && { allow }),
  }
}

function readClients(file: string, check: CheckPassword): Clients {
  return createClients(parsePasswords(readGiven(file, 'made by htpasswd -B'), file), check)
}

/** Begins the supplies that are new, so that no pull has to wait for one; ends all others. */
export type Supplies = (
  mappings: Iterable<Mapping>,
  config: Pick<Config, 'refreshAfter'>,
) => (mapping: Mapping) => Supply

/** Supplies of tokens, one for each mapping. */
export function createSupplies(world: SupplyWorld, log: Log): Supplies {
  let supplies: ReadonlyMap<string, Supply> = new Map()
  return (mappings, { refreshAfter }) => {
    const next = new Map(
      [...mappings].map((mapping) => {
        const key = keyOf(mapping)
        return [key, supplies.get(key) ?? supplyFor(mapping, refreshAfter, world, log)]
      }),
    )
    supplies.forEach((supply, key) => next.has(key) || supply.close())
    supplies = next
    return (mapping) => next.get(keyOf(mapping))!
  }
}

function keyOf(mapping: Mapping): string {
  return JSON.stringify(mapping)
}
