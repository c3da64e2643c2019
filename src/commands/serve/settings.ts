/** The settings of `serve`: flags win over the environment, the environment over the configuration. */

import { certificateFolder, filesOf } from '../../certificates/places.ts'
import type { Allow } from '../../domain/allow.ts'
import type { Config } from '../../domain/config.ts'
import { UserError } from '../../domain/errors.ts'
import type { HostPort } from '../../domain/mapping.ts'
import type { CertificateFiles } from '../../io/certificate.ts'
import { type Address, isLoopback, parseAddress } from '../../proxy/address.ts'
import { DEFAULT_LIMITS, type Limits } from '../../proxy/server.ts'
import type { Environment } from '../command.ts'
import type { CloudWatchSettings } from './cloudwatch.ts'
import { dropInNotes } from './drop-in.ts'
import { readRegistries, type ServedRegistries } from './registries.ts'
import {
  count,
  find,
  findAll,
  type Given,
  oneOf,
  readFlags,
  seconds,
  type Written,
  wrong,
} from './sources.ts'

export type ServeSettings = ServedRegistries & {
  readonly listen: readonly Address[]
  /** Files, a pair for each certificate; plain HTTP without. */
  readonly tls?: readonly [CertificateFiles, ...CertificateFiles[]]
  /** Whether that certificate is the sidecar's to issue and to renew. */
  readonly ownsCertificate: boolean
  /** Who may have the sidecar log in to the registry; without it clients do so themselves. */
  readonly inject?: InjectSettings
  /** Layers are fetched from ECR's buckets and these; without it redirects are handed on. */
  readonly blobHosts?: readonly HostPort[]
  readonly readOnly: boolean
  readonly admin: Address
  /** Whether someone asked for that address, or it is the default. */
  readonly isAdminAsked: boolean
  /** Where pulls and pushes are counted besides /metrics. */
  readonly cloudwatch?: CloudWatchSettings
  readonly logFormat?: 'json' | 'pretty'
  readonly drainMs: number
  readonly limits: Limits
  /** What is to be said at the start of what was started in the way of another proxy. */
  readonly notes: readonly string[]
  /** Processes that share the listeners. */
  readonly workers: number
}

/** Files that tell the clients, and what each may do. */
export type InjectSettings = {
  readonly clientsFile?: string
  readonly clientCaFile?: string
  readonly allow?: Allow
}

/** Reads and checks all of them; a UserError names the one that is wrong. */
export function readSettings(
  args: readonly string[],
  env: Environment,
  config: Config,
): ServeSettings {
  const flags = readFlags(args)
  const given: Given = { flags, env, proxy: config.proxy }
  const listen = listenOf(given)
  const isOwn = flags['tls-auto'] ?? config.proxy.tlsAuto ?? false
  const tls = isOwn ? ownTls(given) : tlsOf(given)
  if (!tls) listen.forEach(requireLoopback)
  const inject = injectOf(given, { listen, hasTls: tls !== undefined })
  const admin = find(given, 'admin')
  const logFormat = find(given, 'log-format')
  const blobs = find(given, 'blobs')
  const cloudwatch = cloudwatchOf(given)
  return {
    ...readRegistries(flags.registry, env, config),
    listen,
    ...(tls && { tls }),
    ownsCertificate: isOwn,
    ...(inject && { inject }),
    ...(blobs && oneOf(blobs, BLOBS) === 'stream' && { blobHosts: config.proxy.blobHosts ?? [] }),
    readOnly: flags['read-only'] ?? config.proxy.readOnly ?? false,
    admin: addressOf(admin ?? { where: '', text: '127.0.0.1:9100' }),
    isAdminAsked: admin !== undefined,
    ...(cloudwatch && { cloudwatch }),
    ...(logFormat && { logFormat: oneOf(logFormat, ['json', 'pretty']) }),
    drainMs: seconds(find(given, 'drain') ?? { where: '', text: '30' }) * 1000,
    limits: limitsOf(given),
    notes: dropInNotes(given),
    workers: count(find(given, 'workers') ?? { where: '', text: '1' }),
  }
}

const AUTH = ['passthrough', 'inject'] as const
const BLOBS = ['redirect', 'stream'] as const

// Names that begin with AWS/ are AWS' own.
function cloudwatchOf(given: Given): CloudWatchSettings | undefined {
  const written = find(given, 'cloudwatch')
  if (!written) return undefined
  const namespace = written.text
  if (!/^(?!AWS\/)[\w./#: -]*[\w./#-][\w./#: -]*$/.test(namespace) || namespace.length > 255) {
    throw wrong(written, 'a namespace of CloudWatch, such as Custom/ecr_reverse_proxy')
  }
  const region = given.env['REGION']
  return { namespace, ...(region && { region }) }
}

function listenOf({ flags, env, proxy }: Given): readonly Address[] {
  if (flags.listen) return flags.listen.map((text) => addressOf({ where: '--listen', text }))
  if (env['PORT']) return [addressOf({ where: 'PORT', text: `127.0.0.1:${env['PORT']}` })]
  const own = proxy.listen ?? ['127.0.0.1:5000']
  return own.map((text) => addressOf({ where: 'proxy.listen', text }))
}

function limitsOf(given: Given): Limits {
  const of = (name: Parameters<typeof find>[1], unset: number) => {
    const written = find(given, name)
    return written ? count(written) : unset
  }
  const idle = find(given, 'idle')
  return {
    connections: of('max-connections', DEFAULT_LIMITS.connections),
    connectionsPerClient: of('max-connections-per-client', DEFAULT_LIMITS.connectionsPerClient),
    headerBytes: of('max-header', DEFAULT_LIMITS.headerBytes),
    urlBytes: of('max-url', DEFAULT_LIMITS.urlBytes),
    idleMs: idle ? seconds(idle) * 1000 : DEFAULT_LIMITS.idleMs,
  }
}

function addressOf(written: Written): Address {
  const address = parseAddress(written.text)
  if (!address) throw wrong(written, 'ADDR:PORT such as 127.0.0.1:5000')
  return address
}

/** The name of its own certificate's files. */
export const OWN_CERTIFICATE = 'serve'

function ownTls(given: Given): ServeSettings['tls'] {
  const [other] = [...findAll(given, 'tls-cert'), ...findAll(given, 'tls-key')]
  if (!other) return [filesOf(certificateFolder(given.env), OWN_CERTIFICATE)]
  throw new UserError(
    'CONFIG',
    `${other.where}: there is one already, by --tls-auto; name one of both`,
  )
}

// The first certificate with the first key, and so on.
function tlsOf(given: Given): ServeSettings['tls'] {
  const certs = findAll(given, 'tls-cert')
  const keys = findAll(given, 'tls-key')
  const alone = certs[keys.length] ?? keys[certs.length]
  if (alone) {
    const missing = certs.length > keys.length ? 'key (--tls-key)' : 'certificate (--tls-cert)'
    const message = `${alone.where} ${alone.text}: its ${missing} is not named; name both, in the same order`
    throw new UserError('CONFIG', message)
  }
  const [first, ...others] = certs.map(({ text }, index) => ({
    certFile: text,
    keyFile: keys[index]?.text ?? '',
  }))
  return first && [first, ...others]
}

function requireLoopback(address: Address): void {
  if (isLoopback(address)) return
  throw new UserError(
    'SERVE',
    `${address.host}:${address.port}: plain HTTP would show tokens to the network, so it is served on loopback only; name --tls-cert and --tls-key, or --tls-auto for a trial`,
  )
}

type Listening = { readonly listen: readonly Address[]; readonly hasTls: boolean }

function injectOf(given: Given, { listen, hasTls }: Listening): InjectSettings | undefined {
  const auth = find(given, 'auth')
  const clients = find(given, 'clients')
  const clientCa = find(given, 'client-ca')
  const { allow } = given.proxy
  if (!auth || oneOf(auth, AUTH) === 'passthrough') {
    const where = clients?.where ?? clientCa?.where ?? (allow && 'proxy.allow')
    if (where) throw new UserError('SERVE', `${where}: ${ONLY_INJECT}`)
    return undefined
  }
  if (clientCa && !hasTls) {
    throw new UserError(
      'SERVE',
      `${clientCa.where}: clients show certificates in TLS alone; name --tls-cert and --tls-key`,
    )
  }
  const open = clients || clientCa ? undefined : listen.find((address) => !isLoopback(address))
  if (open) throw new UserError('SERVE', `${open.host}:${open.port}: ${OPEN_DOOR}`)
  return {
    ...(clients && { clientsFile: clients.text }),
    ...(clientCa && { clientCaFile: clientCa.text }),
    ...(allow && { allow }),
  }
}

const ONLY_INJECT =
  'with passthrough ECR itself decides who may do what; add --auth inject, or leave it out'
const OPEN_DOOR =
  'with --auth inject whoever reaches it pulls and pushes in the name of this machine, so without --clients or --client-ca it is served on loopback only; name one of them'
