/** One request and its answer, streamed both ways. */

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { Mapping } from '../domain/mapping.ts'
import type { Registry } from '../domain/registry.ts'
import { type AccessOptions, observe } from './access.ts'
import { type Admission, identify, permit } from './admission.ts'
import { askAll, askAside, type Asked, type AskOptions, type Exchange, toPrefixed } from './ask.ts'
import { Answer } from './answer.ts'
import { readBody } from './body.ts'
import type { Sink } from './flow.ts'
import { type Fields, hasField, toClient, toFields, toRaw, without } from './headers.ts'
import { placeOf } from './place.ts'
import { bodyWithoutPrefix, namesRepositories } from './prefix.ts'
import { type Checked, checkPush, type Pushes } from './push.ts'
import { refuse, Refusal } from './refusal.ts'
import { type Head, HEALTH, pathOf, routeOf, type Rules } from './route.ts'
import type { Reply } from './upstream.ts'

export type ExchangeOptions = Rules &
  AccessOptions &
  AskOptions & {
    readonly inject?: Inject
    /** Rules that pushes keep to; without it all goes on. */
    readonly pushes?: Pushes
  }

export type Inject = NonNullable<AskOptions['inject']> & { readonly admission: Admission }

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
    response.on('close', () => dropRest(request))
  }
}

/** Answers that the process is well. */
export function answerHealth(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'application/json' }).end('{"status":"ok"}\n')
}

async function answer(options: ExchangeOptions, exchange: Exchange): Promise<void> {
  const { request, response, observed } = exchange
  const head = headOf(request)
  const path = pathOf(head)
  if (path === HEALTH) return answerHealth(response)
  const route = routeOf(head, path, options)
  observed.about(route.mapping, placeOf(path))
  const { inject, pushes } = options
  const { client, wished } = inject
    ? await admit(inject, { head, route }, exchange)
    : { client: '', wished: head.target }
  const wish = { head: { ...head, target: wished }, route }
  const { body, tap, failed }: Checked = pushes
    ? await check({ ...options, pushes }, { ...wish, client }, exchange)
    : {}
  const asked = {
    head: toPrefixed(wish.head, route.mapping),
    route: body ? { ...route, framing: { length: `${body.length}` } } : route,
    body,
    tap,
  }
  const asking = askAll(options, asked, exchange)
  if (failed) asking.catch(failed)
  const { reply, site } = await asking
  if ((reply.statusCode ?? 0) < 300) tap?.taken()
  await relay(reply, { site, asked, wished }, exchange)
}

type Relayed = { readonly site: Mapping; readonly asked: Asked; readonly wished: string }

async function relay(
  reply: Reply,
  { site: { registry, prefix }, asked: { head, route }, wished }: Relayed,
  exchange: Exchange,
): Promise<void> {
  const { response, observed } = exchange
  const { method } = head
  const status = reply.statusCode ?? 0
  const fields = toFields(reply.rawHeaders)
  if (!isDelimited(fields, { method, status })) requireNoBody(reply, { registry, response })
  const answered = toClient(fields, { registry, origin: route.origin, prefix })
  if (prefix !== undefined && namesRepositories(reply, { method, target: wished })) {
    const body = await bodyWithoutPrefix(reply, wished, prefix)
    const length = ['Content-Length', `${body.length}`] as const
    const framed = [...without(answered, /^content-length$/i), length]
    response.writeHead(status, reply.statusMessage, toRaw(framed))
    const rewritten = Readable.from([body])
    observed.sending(rewritten)
    rewritten.pipe(response)
    return
  }
  response.writeHead(status, reply.statusMessage, toRaw(answered))
  pipe(reply, exchange)
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

/** What the rules for pushes make of a request. */
async function check(
  options: ExchangeOptions & { readonly pushes: Pushes },
  { head, route, client }: Asked & { readonly client: string },
  exchange: Exchange,
): Promise<Checked> {
  const { request, observed } = exchange
  return await checkPush(options.pushes, {
    mapping: route.mapping,
    client,
    method: head.method,
    target: head.target,
    contentType: request.headers['content-type'] ?? '',
    read: async (most) => {
      observed.receiving(request)
      return await readBody(request, most)
    },
    ask: async (question) => await askAside(options, { head, route }, question, exchange),
  })
}

/** Who asks, and the target to ask for. */
async function admit(
  inject: Inject,
  { head, route }: Asked,
  { request, observed }: Exchange,
): Promise<{ readonly client: string; readonly wished: string }> {
  const client = await identify(inject.admission, request, new URL(route.origin).hostname)
  observed.from(client)
  return { client, wished: permit(inject.admission, client, head) }
}

// Without a length or a coding the body ends with the connection (RFC 9112 section 6.3), over TLS
// too, for Node does not tell whether that was closed or cut.
function isDelimited(
  fields: Fields,
  { method, status }: { readonly method: string; readonly status: number },
): boolean {
  if (method === 'HEAD' || status === 204 || status === 304) return true
  return hasField(fields, 'content-length') || hasField(fields, 'transfer-encoding')
}

// What is asked for would look whole to the client even if it were not. Of a redirect or an error
// the head says what matters: that goes on in the same way, not with an end that we vouch for.
function requireNoBody(
  reply: Reply,
  { registry, response }: { readonly registry: Registry; readonly response: ServerResponse },
): void {
  if ((reply.statusCode ?? 0) < 300) {
    reply.destroy()
    throw new Refusal(424, 'UNAVAILABLE', `${registry.host}: ${NO_END}`)
  }
  response.useChunkedEncodingByDefault = false
  response.shouldKeepAlive = false
}

const NO_END = 'its answer does not tell where it ends; check what stands between'

function pipe(reply: Reply, exchange: Exchange): void {
  const { response, observed } = exchange
  const cut = (error: NodeJS.ErrnoException | null) => {
    const isLate = error?.code === 'ETIME'
    observed.failed(isLate ? error : new Error('the registry cut its answer', { cause: error }))
    reset(response)
  }
  // What was cut before anyone listened tells nobody any more.
  if (reply.destroyed) return cut(reply.errored)
  reply.once('error', cut)
  if (reply instanceof Answer && reply.hasLength) return flow(reply, exchange)
  observed.sending(reply)
  reply.pipe(response)
}

function flow(reply: Answer, { response, observed }: Exchange): void {
  const sink: Sink = (part, done) => {
    observed.sent(part.length)
    response.write(part, done)
  }
  if (!reply.complete) return reply.flowTo(sink, () => response.end())
  const body = reply.whole ?? (reply.read() as Buffer | null)
  if (!body?.length) return void response.end()
  observed.sent(body.length)
  response.end(body)
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
