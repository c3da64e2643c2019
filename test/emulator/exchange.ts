/** One request and its answer: logged, faulted, answered, or refused in the service's own form. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

import { type Fault, type ServiceName, takeFault } from './faults.ts'

/** A request as the log keeps it. */
export type Call = {
  readonly at: Date
  readonly service: ServiceName
  readonly operation: string
  readonly method: string
  /** Path and query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  /** ARN of who asked, once that is known. */
  principal?: string
  /** What it said, where an answer shows nothing of it. */
  input?: unknown
  /** Missing while it is open, and for ever when the connection was cut before an answer. */
  status?: number
}

export type Exchange = {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Taken at the start: a request that was destroyed no longer knows its socket. */
  readonly socket: Socket
  readonly url: URL
  /** Empty where the service streams it. */
  readonly body: Buffer
  readonly call: Call
  readonly fault: Fault | undefined
}

/** An answer that is an error, to be written in the form of the service. */
export class Refusal extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

export type Service = {
  readonly name: ServiceName
  readonly answer: (exchange: Exchange) => Promise<void> | void
  readonly refuse: (exchange: Exchange, refusal: Refusal) => void
  /** What it says when it is asked too often. */
  readonly throttled: Refusal
}

export type Target = {
  readonly service: Service
  readonly operation: string
  /** The body, where it had to be read to find the operation. */
  readonly body?: Buffer
}

/** What a listener needs to know of the emulator around it. */
export type Surroundings = {
  readonly now: () => Date
  readonly calls: Call[]
  readonly faults: () => Fault[]
}

const NOTHING = Buffer.alloc(0)

/** A listener for node:http that finds the service of a request and sees it through. */
export function requestListener(
  { now, calls, faults }: Surroundings,
  identify: (request: IncomingMessage, url: URL) => Promise<Target> | Target,
) {
  const see = async (request: IncomingMessage, response: ServerResponse, socket: Socket) => {
    // Never the client's idea of a host: a Host may be anything, and a path may start with //.
    const url = new URL(`http://emulator${request.url ?? '/'}`)
    const { service, operation, body = NOTHING } = await identify(request, url)
    const fault = takeFault(faults(), service.name, operation)
    const call = toCall(request, { at: now(), service: service.name, operation })
    calls.push(call)
    response.setHeader('Date', call.at.toUTCString())
    response.once('finish', () => (call.status = response.statusCode))
    await answer(service, { request, response, socket, url, body, call, fault })
  }
  return (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request
    see(request, response, socket).catch(() => cut({ socket }))
  }
}

/** Ends the connection without another word. */
export function cut({ socket }: Pick<Exchange, 'socket'>): void {
  socket.destroy()
}

/** Bytes of a blob after which the connection is to be cut. */
export function cutAfter({ fault }: Exchange): number | undefined {
  return fault?.kind === 'cut' ? fault.afterBytes : undefined
}

/** Answers with a text, whose length is told. */
export function send(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string | Buffer = '',
): void {
  response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(body) })
  response.end(body)
}

/** Reads a small body whole. */
export async function readBody(request: IncomingMessage, limit = 8 * 1024 * 1024): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > limit) throw new Error('the body is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

const answer = async (service: Service, exchange: Exchange) => {
  const { response, fault } = exchange
  if (fault?.kind === 'hang') return
  if (fault?.kind === 'cut' && fault.afterBytes === undefined) return cut(exchange)
  if (fault?.kind === 'delay') await sleep(fault.ms, undefined, { ref: false })
  if (fault?.kind === 'status' && fault.html) return sendHtml(response, fault.status)
  try {
    if (fault?.kind === 'throttle') throw service.throttled
    if (fault?.kind === 'status') throw internal(fault.status)
    await service.answer(exchange)
  } catch (error) {
    // A body that was given up halfway leaves nothing to answer on.
    const { request, socket } = exchange
    const lost = socket.destroyed || (request.destroyed && !request.complete)
    if (response.headersSent || lost) return cut(exchange)
    service.refuse(exchange, error instanceof Refusal ? error : internal(500, error))
  }
}

// The text of an error that nobody meant is shown, so that a test that meets it says why.
const internal = (status: number, cause?: unknown) =>
  new Refusal(
    status,
    'InternalFailure',
    cause instanceof Error ? String(cause) : 'Internal failure',
  )

const sendHtml = (response: ServerResponse, status: number) => {
  const page = `<html><head><title>${status}</title></head><body><h1>${status}</h1></body></html>\n`
  send(response, status, { 'Content-Type': 'text/html' }, page)
}

type Headers = IncomingMessage['headersDistinct']

const toCall = (
  request: IncomingMessage,
  known: Pick<Call, 'at' | 'service' | 'operation'>,
): Call => ({
  ...known,
  method: request.method ?? '',
  path: request.url ?? '',
  headers: Object.fromEntries(
    // Doubled headers are seen here; HTTP/2 has no such list, and joins them itself.
    Object.entries((request.headersDistinct as Headers | undefined) ?? request.headers).map(
      ([name, values = []]) => [name, [values].flat().join(', ')],
    ),
  ),
})
