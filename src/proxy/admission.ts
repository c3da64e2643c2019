/** Who may have the sidecar ask the registry in its own name, and for what. */

import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { type Allow, isAllowed } from '../domain/allow.ts'
import type { Clients } from './clients.ts'
import { type Place, placeOf, rightsFor } from './place.ts'
import { Refusal } from './refusal.ts'

/** Without passwords and certificates anyone is a client, which is for loopback alone. */
export type Admission = {
  readonly clients?: Clients
  /** Whether a certificate that TLS has found good is a client's. */
  readonly takesCertificates: boolean
  /** Without it, every client may do everything. */
  readonly allow?: Allow
}

/** What is asked for: the method, and the request target. */
export type Wish = { readonly method: string; readonly target: string }

/** How the answer to a client begins that shows no login; most ask so before they do. */
export const LOGIN_CHALLENGE = 'log in first'

/** The client that sent a request; "" where anyone may. Throws a Refusal for a stranger. */
export async function identify(
  { clients, takesCertificates }: Admission,
  { headers, socket }: Pick<IncomingMessage, 'headers' | 'socket'>,
  realm: string,
): Promise<string> {
  const certified = takesCertificates ? certifiedName(socket as TLSSocket) : undefined
  if (certified !== undefined) return certified
  if (!clients) {
    if (!takesCertificates) return ''
    throw new Refusal(403, 'DENIED', `${realm} takes clients with a certificate; show one`)
  }
  const login = readBasic(headers.authorization)
  if (login && (await clients.verify(login.name, login.password))) return login.name
  const message = login ? 'name or password is wrong' : `${LOGIN_CHALLENGE}: docker login ${realm}`
  const fields = { 'WWW-Authenticate': `Basic realm="${realm}"` }
  throw new Refusal(401, 'UNAUTHORIZED', message, { fields })
}

/** The target that a client may ask for: what was wished, or a little less. Throws a Refusal. */
export function permit({ allow }: Admission, client: string, wish: Wish): string {
  const { method, target } = wish
  if (!allow) return target
  const [path = '', query = ''] = target.split('?')
  const place = placeOf(path)
  if (place.kind === 'base') return target
  const repository = repositoryOf(place)
  const rights = rightsFor(method, place)
  if (!isAllowed(allow, client, { repository, rights })) {
    throw denied(client, place, rights[0] ?? 'push')
  }
  const sources = new URLSearchParams(query).getAll('from')
  const mayMount = sources.every((source) =>
    isAllowed(allow, client, { repository: source, rights: ['pull'] }),
  )
  // Without the query it is an upload like any other, which is what a mount falls back to.
  return place.kind === 'uploads' && !mayMount ? path : target
}

// No repository can be called so: only a rule for all of them covers it.
function repositoryOf(place: Place): string {
  return 'repository' in place ? place.repository : '_'
}

function denied(client: string, place: Place, right: string): Refusal {
  const who = client === '' ? 'anyone here' : client
  const where = 'repository' in place ? place.repository : 'all repositories'
  return new Refusal(
    403,
    'DENIED',
    `${who} may not ${right} ${where}: no rule of the sidecar's allows it`,
  )
}

function certifiedName(socket: TLSSocket): string | undefined {
  if (!('encrypted' in socket) || !socket.authorized) return undefined
  const { subject, subjectaltname = '' } = socket.getPeerCertificate()
  const [common] = [subject?.CN ?? []].flat()
  return common ?? /(?:URI|DNS):([^,\s"]+)/.exec(subjectaltname)?.[1]
}

function readBasic(
  authorization: string | undefined,
): { readonly name: string; readonly password: string } | undefined {
  const [, encoded] = /^Basic +([A-Za-z0-9+/=_-]+) *$/i.exec(authorization ?? '') ?? []
  const text = Buffer.from(encoded ?? '', 'base64').toString('utf8')
  const colon = text.indexOf(':')
  return colon < 1 ? undefined : { name: text.slice(0, colon), password: text.slice(colon + 1) }
}
