/** A look at who answers: name, certificate, and one request over it. */

import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP } from 'node:net'
import { connect, type PeerCertificate } from 'node:tls'
import { PATIENCE_MS } from './scene.ts'

/** Where sockets go, and the name that is asked for there. */
export type Site = { readonly host: string; readonly port: number; readonly name: string }

/** The authorities that are trusted, in PEM; those of this program without. */
export type Trusted = readonly string[] | undefined

export type Presented = {
  readonly certificate: PeerCertificate
  /** Why it is not trusted, as OpenSSL calls it; undefined where it is. */
  readonly distrust: string | undefined
}

/** The addresses of a name, as this system resolves it. Throws what node:dns throws. */
export async function addressesOf(host: string): Promise<readonly string[]> {
  const found = await within(lookup(host, { all: true }))
  return found.map(({ address }) => address)
}

/** The certificate that is presented there. Throws what node:net and node:tls throw. */
export async function certificateAt(site: Site, trusted: Trusted): Promise<Presented> {
  const socket = connect({ ...tlsOptions(site, trusted), rejectUnauthorized: false })
  try {
    await within(once(socket, 'secureConnect'))
    const reason: unknown = socket.authorizationError
    return {
      certificate: socket.getPeerCertificate(),
      distrust: socket.authorized ? undefined : String(reason),
    }
  } finally {
    socket.destroy()
  }
}

export type Reply = { readonly status: number; readonly text: string }

export type Asking = {
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly trusted?: Trusted
  /** Whether the certificate has to be a trusted one; it must where anything secret is sent. */
  readonly isStrict: boolean
}

/** One GET over TLS. Throws what node:https throws. */
export async function askOver(site: Site, asking: Asking): Promise<Reply> {
  const port = site.port === 443 ? '' : `:${site.port}`
  const host = isIP(site.name) === 6 ? `[${site.name}]` : site.name
  const outgoing = httpsRequest({
    ...tlsOptions(site, asking.trusted),
    path: asking.path,
    agent: false,
    rejectUnauthorized: asking.isStrict,
    headers: { ...asking.headers, host: `${host}${port}` },
    signal: AbortSignal.timeout(PATIENCE_MS),
  })
  return await replyTo(outgoing)
}

/** The same in plain text, on this machine. */
export async function askPlain(host: string, port: number, path: string): Promise<Reply> {
  const signal = AbortSignal.timeout(PATIENCE_MS)
  const outgoing = httpRequest({ host, port, path, agent: false, signal })
  return await replyTo(outgoing)
}

const LARGEST = 64 * 1024

async function replyTo(outgoing: ClientRequest): Promise<Reply> {
  // What goes wrong after the head of an answer is told by its body.
  outgoing.on('error', () => {})
  outgoing.end()
  const [reply] = (await once(outgoing, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of reply as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    size += chunk.length
    if (size > LARGEST) break
  }
  return { status: reply.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }
}

/** An address as sockets take it: IPv6 without the brackets of a URL. */
export function bareHost(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}

function tlsOptions({ host, port, name }: Site, trusted: Trusted) {
  return {
    host,
    port,
    // SNI knows no addresses.
    ...(isIP(name) ? {} : { servername: name }),
    ...(trusted ? { ca: [...trusted] } : {}),
  }
}

async function within<T>(asked: Promise<T>): Promise<T> {
  const signal = AbortSignal.timeout(PATIENCE_MS)
  const late = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () =>
      reject(Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' })),
    )
  })
  return await Promise.race([asked, late])
}
