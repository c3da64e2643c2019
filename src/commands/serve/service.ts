/** What is served: read from flags, variables and files, whole or not at all. */

import type { Config } from '../../domain/config.ts'
import type { PushRules } from '../../domain/push-rules.ts'
import { stamp } from '../../front/identity.ts'
import { configFiles } from '../../front/places.ts'
import { readCertificate, readGiven } from '../../io/certificate.ts'
import { loadConfig } from '../../io/config.ts'
import type { CheckPassword } from '../../io/passwords.ts'
import type { Admission } from '../../proxy/admission.ts'
import { type ServerTls, tlsOf } from '../../proxy/certificate.ts'
import type { Environment } from '../command.ts'
import { readAdmission } from './inject.ts'
import { readPushes } from './push.ts'
import { readSettings, type ServeSettings } from './settings.ts'

export type Service = {
  readonly config: Config
  readonly settings: ServeSettings
  readonly tls?: ServerTls
  readonly admission?: Admission
  /** By name. */
  readonly pushRules: ReadonlyMap<string, PushRules>
  /** All that it was read from, and how that was before. */
  readonly files: readonly string[]
  readonly stamp: string
}

/** Reads a service. A UserError tells what is wrong with it. */
export function readService(
  args: readonly string[],
  env: Environment,
  check: CheckPassword,
): Service {
  const configs = configFiles(env)
  const configStamp = stampsOf(configs)
  const config = loadConfig(env)
  const settings = readSettings(args, env, config)
  const given = givenFiles(settings)
  const givenStamp = stampsOf(given)
  const tls = readTls(settings)
  const admission = settings.inject && readAdmission(settings.inject, check)
  return {
    config,
    settings,
    pushRules: readPushes(config, settings),
    ...(tls && { tls }),
    ...(admission && { admission }),
    files: [...configs, ...given],
    stamp: configStamp + givenStamp,
  }
}

/** How files are: another text when one of them, or what a link leads to, has changed. */
export function stampsOf(files: readonly string[]): string {
  return files.map((file) => `${stamp(file)}\n`).join('')
}

function givenFiles({ tls, inject }: ServeSettings): readonly string[] {
  const pairs = tls?.flatMap(({ certFile, keyFile }) => [certFile, keyFile]) ?? []
  return [...pairs, inject?.clientsFile ?? [], inject?.clientCaFile ?? []].flat()
}

function readTls({ tls, inject }: ServeSettings): ServerTls | undefined {
  if (!tls) return undefined
  const [first, ...others] = tls
  const caFile = inject?.clientCaFile
  const clients = caFile === undefined ? undefined : { caFile, ca: readGiven(caFile, 'in PEM') }
  return tlsOf([readCertificate(first), ...others.map(readCertificate)], clients)
}
