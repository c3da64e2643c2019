/** Asking registries on behalf of a request: which, with what, and what its body is. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { type HostPort, type Mapping, sitesOf } from '../domain/mapping.ts'
import type { Observed } from './access.ts'
import { followToBlob } from './blobs.ts'
import { type Answered, askInTurn, type Outages } from './failover.ts'
import { toUpstream, without } from './headers.ts'
import { withPrefix } from './prefix.ts'
import type { Aside, Checked } from './push.ts'
import type { Head, Route } from './route.ts'
import { askWithToken, type Tokens } from './tokens.ts'
import { attemptAt, unreachable } from './unreachable.ts'
import type { Question, Reply, Upstream } from './upstream.ts'

export type AskOptions = {
  readonly upstream: Upstream
  readonly outages: Outages
  /** Tokens of the sidecar's own, and for whom; without it clients send theirs. */
  readonly inject?: { readonly tokensFor: (mapping: Mapping) => Tokens }
  /** Fetches layers from ECR's buckets and these hosts; without it redirects are handed on. */
  readonly blobHosts?: readonly HostPort[]
}

/** A request under way. */
export type Exchange = {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly observed: Observed
}

export type Asked = { readonly head: Head; readonly route: Route }
/** A request as it is sent: with a body of its own, or the client's, which may be looked at. */
type Sent = Asked & {
  readonly body?: Checked['body'] | undefined
  readonly tap?: Checked['tap'] | undefined
}

/** The same, to one of the registries that may have the answer. */
type ToSite = Sent & { readonly site: Mapping; readonly isReplaceable: boolean }

/** The answer to a request, from the first registry that has one. */
export function askAll(options: AskOptions, asked: Sent, exchange: Exchange): Promise<Answered> {
  const { upstream, outages, blobHosts, inject } = options
  const { method, fields } = asked.head
  const { response: client, observed } = exchange
  const { mapping } = asked.route
  const isRead = (method === 'GET' || method === 'HEAD') && !hasBody(asked.route)
  // A client's own token is good for one region.
  const sites = inject && isRead ? sitesOf(mapping) : ([mapping] as const)
  return askInTurn(sites, {
    outages,
    observed,
    client,
    ask: (site) => {
      const isReplaceable = site !== sites.at(-1)
      const asking = ask(options, { ...asked, site, isReplaceable }, exchange)
      const noted = sites.length > 1 ? outages.noted(site, asking) : asking
      if (!blobHosts || method !== 'GET') return noted
      const following = { upstream, blobHosts, fields, client, isReplaceable }
      return noted.then((reply) => followToBlob(reply, following))
    },
  })
}

function hasBody({ framing }: Route): boolean {
  return framing === 'chunked' || (framing !== 'none' && Number(framing.length) > 0)
}

function ask({ upstream, inject }: AskOptions, sent: ToSite, exchange: Exchange): Promise<Reply> {
  if (!inject) return send(upstream, sent, exchange)
  const { route, site } = sent
  return askWithToken({
    registry: site.registry,
    tokens: inject.tokensFor(site),
    ask: (authorization) => send(upstream, sent, exchange, authorization),
    isRepeatable: !hasBody(route),
  })
}

async function send(
  upstream: Upstream,
  sent: ToSite,
  exchange: Exchange,
  authorization?: string,
): Promise<Reply> {
  const { head, route, site, isReplaceable } = sent
  const { method, target } = head
  const { framing } = route
  const { registry, connect } = site
  const fields = toUpstream(head.fields, { registry, framing, authorization })
  const to = connect ? { host: registry.host, connect } : { host: registry.host }
  const question = { to, method, target, fields, client: exchange.response, isReplaceable }
  const whole = hasBody(route) ? { ...question, ...bodyOf(sent, exchange) } : question
  try {
    return await upstream.ask(whole)
  } catch (error) {
    throw unreachable(error, attemptAt(site, method))
  }
}

// Observed and looked at only now, for from here on it flows.
function bodyOf(
  { body, tap }: Sent,
  { request, observed }: Exchange,
): Pick<Question, 'body' | 'isBodyOurs'> {
  if (body) return { body: Readable.from([body]) }
  observed.receiving(request)
  tap?.passing(request)
  return { body: request, isBodyOurs: !tap }
}

/** Asks the registry, with the credentials of a request, what has to be known of it. */
export async function askAside(
  options: AskOptions,
  { head, route }: Asked,
  { method, target, accept }: Aside,
  exchange: Exchange,
): Promise<Reply> {
  const { upstream, blobHosts = [] } = options
  const { mapping } = route
  const own = head.fields.filter(([name]) => /^(authorization|user-agent)$/i.test(name))
  const fields = [...own, ['Accept', accept] as const]
  const asked = {
    head: toPrefixed({ ...head, method, target, fields }, mapping),
    route: { ...route, framing: 'none' as const },
    site: mapping,
    isReplaceable: false,
  }
  const reply = await ask(options, asked, exchange)
  return await followToBlob(reply, { upstream, blobHosts, fields: [], client: exchange.response })
}

/** The request with the prefix of a mapping. */
// A body that is rewritten has to be readable: no coding is asked for.
export function toPrefixed(head: Head, { prefix }: Mapping): Head {
  if (prefix === undefined) return head
  const fields = without(head.fields, /^accept-encoding$/i)
  return { ...head, fields, target: withPrefix(head.target, prefix) }
}
