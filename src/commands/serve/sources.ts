/** Where the settings of `serve` are written: flags, else variables, else the configuration. */

import { UserError } from '../../domain/errors.ts'
import type { ProxyConfig } from '../../domain/proxy-config.ts'
import { readArguments } from '../arguments.ts'
import type { Environment } from '../command.ts'
import { serveHelp } from './help.ts'

/** The flags that take one text: their variable, if any, and their key of the configuration. */
const SOURCES = {
  auth: { variable: 'ECR_CNAME_PROXY_AUTH', key: 'auth' },
  clients: { key: 'clients' },
  'client-ca': { key: 'clientCa' },
  blobs: { key: 'blobs' },
  admin: { key: 'admin' },
  cloudwatch: { key: 'cloudwatch' },
  'log-format': { key: 'logFormat' },
  drain: { key: 'drain' },
  'max-connections': { key: 'maxConnections' },
  'max-connections-per-client': { key: 'maxConnectionsPerClient' },
  'max-header': { key: 'maxHeader' },
  'max-url': { key: 'maxUrl' },
  idle: { key: 'idle' },
  workers: { key: 'workers' },
} as const satisfies Record<string, { variable?: string; key: TextKey }>

/** The flags that may be given several times, likewise. */
const LISTS = {
  'tls-cert': { variable: 'TLS_CERTIFICATE', key: 'tlsCert' },
  'tls-key': { variable: 'TLS_PRIVATE_KEY', key: 'tlsKey' },
} as const

type TextKey = Exclude<
  keyof ProxyConfig,
  'listen' | 'tlsCert' | 'tlsKey' | 'tlsAuto' | 'allow' | 'blobHosts' | 'push' | 'readOnly'
>

type Flags = ReturnType<typeof readFlags>
/** All that settings are read from. */
export type Given = {
  readonly flags: Flags
  readonly env: Environment
  readonly proxy: ProxyConfig
}
/** A value as it was written, and where. */
export type Written = { readonly where: string; readonly text: string }

/** The flags; unknown ones throw a UserError. */
export function readFlags(args: readonly string[]) {
  const { flags, operands } = readArguments(serveHelp, args)
  const [extra] = operands
  if (extra === undefined) return flags
  throw new UserError('USAGE', `serve: it takes options only, got ${JSON.stringify(extra)}`)
}

/** A setting as it was written, and where. */
export function find(
  { flags, env, proxy }: Given,
  name: keyof typeof SOURCES,
): Written | undefined {
  const source: { readonly variable?: string; readonly key: TextKey } = SOURCES[name]
  const flag = flags[name]
  if (flag !== undefined) return { where: `--${name}`, text: flag }
  const variable = source.variable ?? ''
  const value = env[variable]
  if (value) return { where: variable, text: value }
  const own = proxy[source.key]
  return own === undefined ? undefined : { where: `proxy.${source.key}`, text: String(own) }
}

/** A setting that may be given several times. */
export function findAll(
  { flags, env, proxy }: Given,
  name: keyof typeof LISTS,
): readonly Written[] {
  const { variable, key } = LISTS[name]
  const given = flags[name]
  if (given) return allWritten(`--${name}`, given)
  const value = env[variable]
  return value ? allWritten(variable, [value]) : allWritten(`proxy.${key}`, proxy[key] ?? [])
}

function allWritten(where: string, texts: readonly string[]): readonly Written[] {
  return texts.map((text) => ({ where, text }))
}

/** One of a few words, else a UserError. */
export function oneOf<T extends string>(written: Written, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === written.text)
  if (found === undefined) throw wrong(written, allowed.join(' or '))
  return found
}

/** A number of seconds, else a UserError. */
export function seconds(written: Written): number {
  if (/^\d+(\.\d+)?$/.test(written.text)) return Number(written.text)
  throw wrong(written, 'a number of seconds')
}

/** A whole number above 0, else a UserError. */
export function count(written: Written): number {
  if (/^[1-9]\d{0,9}$/.test(written.text)) return Number(written.text)
  throw wrong(written, 'a whole number above 0')
}

/** A UserError that names a setting that is wrong. */
export function wrong({ where, text }: Written, expected: string): UserError {
  const code = where.startsWith('--') ? 'USAGE' : 'CONFIG'
  return new UserError(code, `${where}: expected ${expected}, got ${JSON.stringify(text)}`)
}
