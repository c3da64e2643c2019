/** One request and its answer, streamed both ways. */

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { type HostPort, type Mapping, sitesOf } from '../domain/mapping.ts'
import { type AccessOptions, observe, type Observed } from './access.ts'
import { type Admission, identify, permit } from './admission.ts'
import { followToBlob } from './blobs.ts'
import { type Answered, askInTurn } from './failover.ts'
import { type Fields, toClient, toFields, toUpstream, valuesOf, without } from './headers.ts'
import { bodyWithoutPrefix, namesRepositories, withPrefix } from './prefix.ts'
import { refuse, Refusal } from './refusal.ts'
import { type Head, HEALTH, pathOf, type Route, routeOf, type Rules } from './route.ts'
import { askWithToken, type Tokens } from './tokens.ts'
import { attemptAt, unreachable } from './unreachable.ts'
import type { Reply, Upstream } from './upstream.ts'

export type ExchangeOptions = Rules &
  AccessOptions & {
    readonly upstream: Upstream
    /** Tokens of the sidecar's own, and for whom; without it clients send theirs. */
    readonly inject?: Inject
    /** Fetches layers from ECR's buckets and these hosts; without it redirects are handed on. */
    readonly blobHosts?: readonly HostPort[]
  }

export type Inject = {
  readonly admission: Admission
  readonly tokensFor: (mapping: Mapping) => Tokens
}

/** A request under way. */
type Exchange = {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly observed: Observed
}

/** Answers requests for registries, and for health. */
export function createExchange(options: ExchangeOptions): RequestListener {
  return (request, response) => {
    const observed = observe(options, request, response)
    answer(options, { request, response, observed }).catch((error: unknown) => {
      observed.failed(error)
      fail(response, error)
    })
    // Written to when its client had left; its end is told by 'close'.
    response.on('error', () => response.destroy())
    response.once('close', () => dropRest(request))
  }
}

/** Answers that the process is well. */
export function answerHealth(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"status":"ok"}\n')
}

async function answer(options: ExchangeOptions, exchange: Exchange): Promise<void> {
  const { request, response } = exchange
  const head = headOf(request)
  if (pathOf(head) === HEALTH) return answerHealth(response)
  const route = routeOf(head, options)
  const wished = await admit(options.inject, { head, route }, exchange)
  const asked = { head: toPrefixed({ ...head, target: wished }, route.mapping), route }
  const { reply, site } = await askAll(options, asked, exchange)
  await relay(reply, { site, asked, wished }, exchange)
}

type Answer = { readonly site: Mapping; readonly asked: Asked; readonly wished: string }

async function relay(
  reply: Reply,
  { site: { registry, prefix }, asked: { head, route }, wished }: Answer,
  exchange: Exchange,
): Promise<void> {
  const { response, observed } = exchange
  const { method } = head
  const status = reply.statusCode ?? 0
  const fields = toFields(reply.rawHeaders)
  const answered = toClient(fields, { registry, origin: route.origin, prefix })
  if (prefix !== undefined && namesRepositories(reply, { method, target: wished })) {
    const body = await bodyWithoutPrefix(reply, wished, prefix)
    const framed = [...without(answered, /^content-length$/i), ['Content-Length', `${body.length}`]]
    response.writeHead(status, reply.statusMessage, framed.flat())
    const rewritten = Readable.from([body])
    observed.sending(rewritten)
    rewritten.pipe(response)
    return
  }
  if (!isDelimited(fields, { method, status })) closeAtEnd(response)
  response.writeHead(status, reply.statusMessage, answered.flat())
  pipe(reply, exchange)
}

// A body that is rewritten has to be readable: no coding is asked for.
function toPrefixed(head: Head, { prefix }: Mapping): Head {
  if (prefix === undefined) return head
  const fields = without(head.fields, /^accept-encoding$/i)
  return { ...head, fields, target: withPrefix(head.target, prefix) }
}

function headOf(request: IncomingMessage): Head {
  return {
    method: request.method ?? '',
    target: request.url ?? '',
    httpVersion: request.httpVersion,
    fields: toFields(request.rawHeaders),
    isSecure: 'encrypted' in request.socket,
  }
}

type Asked = { readonly head: Head; readonly route: Route }

/** The target to ask for. */
async function admit(
  inject: Inject | undefined,
  { head, route }: Asked,
  { request, observed }: Exchange,
): Promise<string> {
  if (!inject) return head.target
  const client = await identify(inject.admission, request, new URL(route.origin).hostname)
  observed.from(client)
  return permit(inject.admission, client, head)
}

async function askAll(
  options: ExchangeOptions,
  asked: Asked,
  exchange: Exchange,
): Promise<Answered> {
  const { upstream, blobHosts, inject } = options
  const { method, fields } = asked.head
  const { response: client, observed } = exchange
  const { mapping } = asked.route
  const isRead = ['GET', 'HEAD'].includes(method) && !hasBody(asked.route)
  // A client's own token is good for one region.
  const sites = inject && isRead ? sitesOf(mapping) : [mapping]
  return await askInTurn(sites, {
    observed,
    client,
    ask: async (site) => {
      const reply = await ask(options, { ...asked, site }, exchange)
      if (!blobHosts || method !== 'GET') return reply
      return await followToBlob(reply, { upstream, blobHosts, fields, client })
    },
  })
}

function hasBody({ framing }: Route): boolean {
  return framing === 'chunked' || (framing !== 'none' && Number(framing.length) > 0)
}

async function ask(
  { upstream, inject }: ExchangeOptions,
  { head, route, site }: Asked & { readonly site: Mapping },
  { request, response, observed }: Exchange,
): Promise<Reply> {
  const { method, target } = head
  const { framing } = route
  const { registry, connect } = site
  const isSent = hasBody(route)
  const send = async (authorization?: string) => {
    const fields = toUpstream(head.fields, { registry, framing, authorization })
    const to = { host: registry.host, ...(connect && { connect }) }
    const question = { to, method, target, fields, client: response }
    if (isSent) observed.receiving(request)
    try {
      return await upstream.ask(isSent ? { ...question, body: request } : question)
    } catch (error) {
      throw unreachable(error, attemptAt(site, method))
    }
  }
  if (!inject) return await send()
  const tokens = inject.tokensFor(site)
  return await askWithToken({ registry, tokens, ask: send, isRepeatable: !isSent })
}

// Without a length or a coding the body ends with the connection (RFC 9112 section 6.3) and can't
// be told from a cut one. The client gets it in the same way, not with an end that we vouch for.
function isDelimited(
  fields: Fields,
  { method, status }: { readonly method: string; readonly status: number },
): boolean {
  if (method === 'HEAD' || status === 204 || status === 304) return true
  return ['content-length', 'transfer-encoding'].some((name) => valuesOf(fields, name).length > 0)
}

function closeAtEnd(response: ServerResponse): void {
  response.useChunkedEncodingByDefault = false
  response.shouldKeepAlive = false
}

function pipe(reply: Reply, { response, observed }: Exchange): void {
  const cut = (cause: unknown) => {
    observed.failed(new Error('the registry cut its answer', { cause }))
    reset(response)
  }
  // What was cut before anyone listened tells nobody any more.
  if (reply.destroyed) return cut(reply.errored)
  reply.once('error', cut)
  observed.sending(reply)
  // A small body came with its head.
  if (reply.complete) response.end(reply.read())
  else reply.pipe(response)
}

function fail(response: ServerResponse, error: unknown): void {
  if (response.destroyed) return
  if (response.headersSent) reset(response)
  else refuse(response, error instanceof Refusal ? error : OWN_FAULT)
}

const OWN_FAULT = new Refusal(500, 'UNKNOWN', 'the sidecar failed; its log says why')

// A cut answer must not look whole, not even to a client that reads until the connection ends:
// a TCP reset is no end, and neither is TLS without close_notify.
function reset({ req: { socket } }: ServerResponse): void {
  if ('encrypted' in socket) socket.destroy()
  else socket.resetAndDestroy()
}

// An answer may come before the end of the body. What is left of that is read and dropped, for
// else the next request on the connection would never be seen.
function dropRest(request: IncomingMessage): void {
  request.unpipe()
  request.resume()
}
