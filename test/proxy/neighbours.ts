/** Real neighbours of the sidecar: a registry over TLS, the sidecar itself, raw clients. */

import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type IncomingMessage, request as httpRequest, type RequestListener } from 'node:http'
import { createServer, request as httpsRequest, type RequestOptions } from 'node:https'
import { type AddressInfo, connect as connectTcp, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text as readText } from 'node:stream/consumers'
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { onTestFinished } from 'vitest'
import type { HostPort, Mapping, Mappings } from '../../src/domain/mapping.ts'
import { parseRegistry, type Registry } from '../../src/domain/registry.ts'
import type { Access } from '../../src/proxy/access.ts'
import { type ServerTls, tlsOf } from '../../src/proxy/certificate.ts'
import { createExchange, type Inject } from '../../src/proxy/exchange.ts'
import { createOutages } from '../../src/proxy/failover.ts'
import type { Pushes } from '../../src/proxy/push.ts'
import { listen, type Listener, type Patience } from '../../src/proxy/server.ts'
import { createUpstream, type Deadlines, DEADLINES } from '../../src/proxy/upstream.ts'
import { type Authority, type Leaf, openAuthority } from '../emulator/certificates.ts'
import { trust } from '../support/trust.ts'

export const REGISTRY = parseRegistry('123456789012.dkr.ecr.us-east-1.amazonaws.com') as Registry
export const NAME = 'docker.company.test'

export type World = {
  readonly authority: Authority
  readonly ca: string
  /** Of the registry. */
  readonly registryLeaf: Leaf
  /** Of the sidecar. */
  readonly ownLeaf: Leaf
}

/** An authority that this process trusts, and the certificates of both ends. */
export function openWorld(): World {
  const folder = mkdtempSync(join(tmpdir(), 'ecr-cname-proxy-'))
  const authority = openAuthority(folder)
  const ca = readFileSync(authority.caFile, 'utf8')
  trust(authority.caFile)
  const registryLeaf = authority.issue([`*.${REGISTRY.host.split('.').slice(1).join('.')}`])
  const ownLeaf = authority.issue([NAME])
  rmSync(folder, { recursive: true })
  return { authority, ca, registryLeaf, ownLeaf }
}

export type Upstream = {
  readonly connect: HostPort
  /** Every byte that arrived, connection by connection. */
  readonly wire: string[]
  /** Server names of the handshakes. */
  readonly names: unknown[]
  readonly sockets: TLSSocket[]
}

/** A registry that speaks HTTP. */
export async function startUpstream(
  leaf: Leaf,
  handler: RequestListener,
  address?: HostPort,
): Promise<Upstream> {
  const server = createServer({ ...leaf, maxHeaderSize: 128 * 1024, requestTimeout: 0 }, handler)
  return observe(server, address)
}

/** A registry that does with the connection what the test says. */
export async function startRawUpstream(
  leaf: Leaf,
  onConnection: (socket: TLSSocket, index: number) => void,
): Promise<Upstream> {
  let count = 0
  const server = createTlsServer(leaf, (socket) => {
    socket.on('error', () => {})
    onConnection(socket, count++)
  })
  return observe(server)
}

type TlsServer = ReturnType<typeof createTlsServer> | ReturnType<typeof createServer>

async function observe(
  server: TlsServer,
  address: HostPort = { host: '127.0.0.1' },
): Promise<Upstream> {
  const wire: string[] = []
  const names: unknown[] = []
  const sockets: TLSSocket[] = []
  server.on('secureConnection', (socket: TLSSocket) => {
    const index = wire.push('') - 1
    names.push((socket as TLSSocket & { servername: unknown }).servername)
    sockets.push(socket)
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => (wire[index] += chunk.toString('latin1')))
  })
  server.listen(address.port ?? 0, address.host)
  await once(server, 'listening')
  onTestFinished(() => {
    sockets.forEach((socket) => socket.destroy())
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { connect: { host: address.host, port }, wire, names, sockets }
}

export type Sidecar = Listener & { readonly port: number; readonly accesses: Access[] }

export type SidecarOptions = {
  readonly leaf?: Leaf
  /** Who signs the certificates of clients. */
  readonly clientCa?: string
  readonly inject?: Inject
  readonly blobHosts?: readonly HostPort[]
  readonly pushes?: Pushes
  readonly readOnly?: boolean
  readonly mappings?: Mappings
  readonly deadlines?: Partial<Deadlines>
  readonly patience?: Patience
  readonly now?: () => number
}

/** The sidecar in front of an upstream; TLS when there is a certificate. */
export async function startSidecar(
  connect: HostPort | undefined,
  options: SidecarOptions = {},
): Promise<Sidecar> {
  const { leaf, clientCa, inject, blobHosts, pushes } = options
  const { readOnly = false, mappings, deadlines, patience } = options
  const { now = () => performance.now() } = options
  const upstream = createUpstream({ ...DEADLINES, ...deadlines })
  const accesses: Access[] = []
  const listener = await listen({
    address: { host: '127.0.0.1', port: 0 },
    ...(leaf && { tls: tlsWith(leaf, clientCa) }),
    ...(patience && { patience }),
    handler: createExchange({
      mappings: mappings ?? mappingTo(connect),
      readOnly,
      upstream,
      ...(inject && { inject }),
      ...(blobHosts && { blobHosts }),
      ...(pushes && { pushes }),
      outages: createOutages(now),
      now,
      onAccess: (access) => accesses.push(access),
    }),
    onError: (error) => {
      throw error
    },
  })
  onTestFinished(async () => {
    await listener.drain(0)
    upstream.close()
  })
  return { ...listener, port: Number(new URL(listener.url).port), accesses }
}

function tlsWith(leaf: Leaf, clientCa: string | undefined): ServerTls {
  const certificate = { ...leaf, certFile: 'cert.pem', keyFile: 'key.pem' }
  return tlsOf(
    [certificate],
    clientCa === undefined ? undefined : { ca: clientCa, caFile: 'ca.pem' },
  )
}

export function mappingTo(connect: HostPort | undefined, name = NAME): Mappings {
  const mapping: Mapping = { name, registry: REGISTRY, ...(connect && { connect }) }
  return new Map([[name, mapping]])
}

export type Answer = {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly rawHeaders: readonly string[]
  readonly text: string
}

/** An honest client: one request, its whole answer. */
export async function fetchFrom(
  sidecar: Sidecar,
  path: string,
  options: RequestOptions & { readonly body?: string | Buffer } = {},
): Promise<Answer> {
  const reply = await openFrom(sidecar, path, options)
  const { statusCode: status = 0, headers, rawHeaders } = reply
  return { status, headers, rawHeaders, text: await readText(reply) }
}

/** As `fetchFrom`, with the answer still to be read. */
export async function openFrom(
  { url, port }: Sidecar,
  path: string,
  { body, ...options }: RequestOptions & { readonly body?: string | Buffer } = {},
): Promise<IncomingMessage> {
  const request = url.startsWith('https:') ? httpsRequest : httpRequest
  const outgoing = request({
    host: '127.0.0.1',
    port,
    servername: NAME,
    path,
    agent: false,
    ...options,
    headers: options.headers ?? { host: `${NAME}:${port}` },
  })
  outgoing.end(body)
  // Until there is an answer this rejects; after that the answer tells of the same failure.
  outgoing.on('error', () => {})
  const [reply] = (await once(outgoing, 'response')) as [IncomingMessage]
  return reply
}

/** A client that writes bytes and reads until the connection ends. */
export async function talk(sidecar: Sidecar, bytes: string): Promise<string> {
  const socket = await openSocket(sidecar)
  let answer = ''
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')))
  socket.on('error', () => {})
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.write(bytes, 'latin1')
  await closed
  return answer
}

/** A connection of a raw client. */
export async function openSocket({ url, port }: Sidecar): Promise<Socket> {
  const isTls = url.startsWith('https:')
  const socket = isTls
    ? connectTls({ host: '127.0.0.1', port, servername: NAME })
    : connectTcp(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => {})
  await once(socket, isTls ? 'secureConnect' : 'connect')
  return socket
}
