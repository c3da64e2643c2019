/** An Amazon ECR of one's own, on the loopback: the APIs, the registry, the bucket, the metadata. */

import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { parseRegistry } from '../../src/domain/registry.ts'
import { identifyApi } from './api/api.ts'
import { registryHost } from './api/ecr.ts'
import { bucketHost, identifyBucket } from './bucket.ts'
import { type Authority, type CertificateFiles, openAuthority, tlsByName } from './certificates.ts'
import { openContent, type RegistryId, type RepositoryOptions } from './content.ts'
import type { Emulation, Ports } from './emulation.ts'
import { type CredentialKind, toEnvironment } from './environment.ts'
import { type Call, requestListener, type Surroundings } from './exchange.ts'
import { createIdentities } from './identities.ts'
import { type Listener, listen, type Security } from './listener.ts'
import { CONTAINER_PATH, identifyMetadata } from './metadata.ts'
import { identifyRegistry } from './registry/registry.ts'
import { applySettings, defaultSettings, type Settings } from './settings.ts'

export type EmulatorOptions = {
  readonly account?: string
  readonly region?: string
  readonly clock?: () => Date
  /** Keeps the registries' content; without it they live in a folder that `close` removes. */
  readonly folder?: string
  /** Keeps the certificate authority; in the folder of the content unless given. */
  readonly caFolder?: string
  /** An address of the loopback: 127.0.0.2 leaves the ports of 127.0.0.1 free. */
  readonly address?: string
  /** 0, the default, is any free port. */
  readonly ports?: Partial<Ports>
  readonly settings?: Partial<Settings>
}

export type ListenerName = keyof Ports

export type Emulator = {
  readonly account: string
  readonly region: string
  readonly ports: Ports
  /** ECR, ECR Public, STS and the SSO portal. */
  readonly apiUrl: string
  readonly apiTlsUrl: string
  readonly registry: { readonly host: string; readonly port: number }
  readonly bucket: { readonly host: string; readonly port: number }
  readonly metadataUrl: string
  readonly containerUrl: string
  readonly caFile: string
  /** Another certificate of the same authority, such as for a sidecar. */
  readonly certificate: (names: readonly string[], days?: number) => CertificateFiles
  /** The whole environment of a child whose credentials come from one place. */
  readonly env: (kind: CredentialKind) => Record<string, string>
  /** Every request so far, in order; cleared by setting its length to 0. */
  readonly calls: Call[]
  /** May be changed at any time; also in place. */
  readonly settings: Settings
  readonly createRepository: (
    name: string,
    options?: RepositoryOptions & Partial<RegistryId>,
  ) => Promise<void>
  /** Connections to a listener are refused until it is resumed. */
  readonly suspend: (name: ListenerName) => Promise<void>
  readonly resume: (name: ListenerName) => Promise<void>
  /** Where it keeps a manifest, for tests that put something else there. */
  readonly manifestFile: (repository: string, digest: string) => string
  readonly close: () => Promise<void>
}

/** Starts an emulator; it listens once this resolves. */
export async function startEmulator(options: EmulatorOptions = {}): Promise<Emulator> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'ecr-emulator-'))
  mkdirSync(folder, { recursive: true })
  const authority = openAuthority(options.caFolder ?? join(folder, 'ca'))
  const calls: Call[] = []
  const { emulation, announce } = prepare(options, folder)
  const listeners = await openListeners(emulation, authority, calls, options)
  const ports = Object.fromEntries(
    Object.entries(listeners).map(([name, { port }]) => [name, port]),
  ) as unknown as Ports
  announce(ports)
  const host = options.address ?? LOOPBACK
  const { account, region, settings } = emulation
  const urls = {
    apiUrl: `http://${host}:${ports.api}`,
    metadataUrl: `http://${host}:${ports.metadata}`,
    containerUrl: `http://${host}:${ports.metadata}${CONTAINER_PATH}`,
    caFile: authority.caFile,
  }
  return {
    account,
    region,
    ports,
    ...urls,
    apiTlsUrl: `https://${host}:${ports.apiTls}`,
    registry: { host: registryHost(account, region), port: ports.registry },
    bucket: { host: bucketHost(emulation, region), port: ports.bucket },
    certificate: authority.issueFiles,
    env: (kind) => toEnvironment(emulation, urls, folder, kind),
    calls,
    settings,
    async createRepository(name, { immutable = false, ...place } = {}) {
      const facts = { name, immutable, createdAt: emulation.now() }
      await emulation.content.create({ account, region, ...place }, facts)
    },
    manifestFile: (repository, digest) =>
      join(
        folder,
        'registries',
        `${account}.${region}`,
        encodeURIComponent(repository),
        'manifests',
        digest.replace('sha256:', ''),
      ),
    suspend: (name) => listeners[name].close(),
    resume: (name) => listeners[name].reopen(),
    async close() {
      await Promise.all(Object.values(listeners).map((listener) => listener.close()))
      if (options.folder === undefined) rmSync(folder, { recursive: true, force: true })
    },
  }
}

const LOOPBACK = '127.0.0.1'

const prepare = (options: EmulatorOptions, folder: string) => {
  const { account = '123456789012', region = 'us-east-1', clock = () => new Date() } = options
  const settings = defaultSettings(account)
  applySettings(settings, options.settings ?? {})
  const now = () => new Date(clock().getTime() + settings.clockOffsetMs)
  let known: Ports | undefined
  const emulation: Emulation = {
    account,
    region,
    settings,
    now,
    identities: createIdentities(settings, now),
    content: openContent(join(folder, 'registries')),
    key: readKey(join(folder, 'token.key')),
    ports() {
      if (!known) throw new Error('the emulator does not listen yet')
      return known
    },
  }
  return { emulation, announce: (ports: Ports) => void (known = ports) }
}

const openListeners = async (
  emulation: Emulation,
  authority: Authority,
  calls: Call[],
  { address = LOOPBACK, ports = {} }: EmulatorOptions,
): Promise<Record<ListenerName, Listener>> => {
  if (!address.startsWith('127.')) throw new Error(`${address} is not of the loopback`)
  const { now, settings } = emulation
  const surroundings: Surroundings = { now, calls, faults: () => settings.faults }
  const local = [address, 'localhost']
  const layers = [bucketHost(emulation, emulation.region), ...local]
  const api = requestListener(surroundings, identifyApi(emulation))
  const plan: Record<ListenerName, readonly [RequestListener, Security?]> = {
    api: [api],
    apiTls: [api, { tls: tlsByName(authority, exactly, local) }],
    registry: [
      requestListener(surroundings, identifyRegistry(emulation)),
      { tls: tlsByName(authority, registryNames(emulation)), http2: settings.http2 },
    ],
    bucket: [
      requestListener(surroundings, identifyBucket(emulation)),
      { tls: tlsByName(authority, exactly, layers) },
    ],
    metadata: [requestListener(surroundings, identifyMetadata(emulation))],
  }
  const open: Partial<Record<ListenerName, Listener>> = {}
  try {
    for (const [name, [answer, security]] of Object.entries(plan) as Entries<typeof plan>) {
      open[name] = await listen({ address, port: ports[name] ?? 0 }, answer, security)
    }
    return open as Record<ListenerName, Listener>
  } catch (error) {
    await Promise.all(Object.values(open).map((listener) => listener.close()))
    throw error
  }
}

type Entries<Of> = readonly (readonly [keyof Of, Of[keyof Of]])[]

const exactly = (name: string) => [name]

// A wildcard for the first label, as ECR has it; for a name that is not ECR's, that of the
// region, so that a CNAME straight to ECR fails as it does there.
const registryNames =
  ({ account, region, settings }: Emulation) =>
  (asked: string) => {
    if (parseRegistry(asked)?.kind === 'public') return [asked]
    const host = /^\d{12}\.dkr[.-]ecr/.test(asked) ? asked : registryHost(account, region)
    return [host.replace(/^\d+/, '*'), ...settings.extraNames]
  }

// Kept, so that tokens survive a restart.
const readKey = (file: string) => {
  if (!existsSync(file)) writeFileSync(file, randomBytes(32), { mode: 0o600 })
  return readFileSync(file)
}
