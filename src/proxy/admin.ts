/** What the admin address answers. */

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { isIP } from 'node:net'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { bareHost } from './address.ts'
import { answerHealth } from './exchange.ts'
import type { History } from './history.ts'
import type { Figures } from './metrics.ts'
import { PROMETHEUS, toPrometheus } from './prometheus.ts'
import { readinessOf } from './readiness.ts'
import { refuse, Refusal } from './refusal.ts'
import { HEALTH } from './route.ts'
import type { State } from './state.ts'
import { PAGE_FIELDS, statusPage } from './status-page.ts'

/** What it is told, by all processes that serve. */
export type AdminOptions = {
  readonly figures: () => Promise<Figures>
  readonly state: () => Promise<State>
  readonly history: () => Promise<History>
  readonly version: string
  /** Asks the registries that were not heard of lately. */
  readonly refresh: () => Promise<void>
  readonly now: () => number
  /** Whether only this machine can reach it. */
  readonly isLocal: boolean
  readonly debug: Debug
}

/** Looks inside the process, for whoever profiles it. */
export type Debug = {
  /** A `.cpuprofile`; ends early when it is told to. */
  readonly cpuProfile: (seconds: number, signal: AbortSignal) => Promise<string>
  /** A `.heapsnapshot`. It holds all that the process has in memory, tokens too. */
  readonly heapSnapshot: () => Readable
}

/** Answers those who run the sidecar, not its clients. */
export function createAdmin(options: AdminOptions): RequestListener {
  const debug = oneAtATime(options.debug)
  return (request, response) => {
    answer({ ...options, debug }, request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy()
      else refuse(response, error instanceof Refusal ? error : OWN_FAULT)
    })
  }
}

type Ask = AdminOptions & { readonly url: URL; readonly response: ServerResponse }
type Answer = (ask: Ask) => Promise<void> | void

const ROUTES: Readonly<Record<string, Answer>> = {
  async '/'({ state, history, version, now, response }) {
    const shown = { state: await state(), history: await history(), version, now: now() }
    send(response, 200, PAGE_FIELDS, statusPage(shown))
  },
  [HEALTH]: ({ response }) => answerHealth(response),
  async '/readyz'({ refresh, state, now, response }) {
    await refresh()
    const readiness = readinessOf(await state(), now())
    const text = `${JSON.stringify(readiness)}\n`
    send(response, readiness.ready ? 200 : 503, { 'Content-Type': 'application/json' }, text)
  },
  async '/metrics'({ figures, response }) {
    send(response, 200, { 'Content-Type': PROMETHEUS }, toPrometheus(await figures()))
  },
}

const DEBUG_ROUTES: Readonly<Record<string, Answer>> = {
  async '/debug/cpuprofile'({ debug, url, response }) {
    const seconds = secondsOf(url)
    const left = new AbortController()
    response.once('close', () => left.abort())
    const profile = await debug.cpuProfile(seconds, left.signal)
    send(response, 200, toFile('sidecar.cpuprofile'), profile)
  },
  async '/debug/heapsnapshot'({ debug, response }) {
    const snapshot = debug.heapSnapshot()
    response.writeHead(200, { ...toFile('sidecar.heapsnapshot'), ...ALWAYS })
    await pipeline(snapshot, response)
  },
}

async function answer(
  options: AdminOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = '', url: target = '' } = request
  const [path = ''] = target.split('?')
  const debugAnswer = DEBUG_ROUTES[path]
  const found = debugAnswer ?? ROUTES[path]
  if (!found) throw new Refusal(404, 'UNSUPPORTED', `served here: ${PATHS.join(', ')}`)
  if (path !== HEALTH) requireOwnHost(request, options)
  if (debugAnswer) requireDebugger(request, options)
  const methods = debugAnswer ? ['GET'] : ['GET', 'HEAD']
  if (!methods.includes(method)) {
    const fields = { Allow: methods.join(', ') }
    throw new Refusal(405, 'UNSUPPORTED', `${path} is for reading`, { fields })
  }
  // Never the client's idea of a host: only path and query are of interest.
  const url = new URL(`http://admin${target.startsWith('/') ? target : '/'}`)
  await found({ ...options, url, response })
}

const PATHS = [...Object.keys(ROUTES), ...Object.keys(DEBUG_ROUTES)]

// A page that someone opens in a browser here could have its own name lead to the loopback, and
// would then be let read what it asks for. Its name is told by Host.
function requireOwnHost({ headers }: IncomingMessage, { isLocal }: AdminOptions): void {
  if (!isLocal) return
  const host = bareHost((headers.host ?? '').replace(/:\d+$/, ''))
  if (host === 'localhost' || isIP(host) > 0) return
  throw new Refusal(421, 'DENIED', 'ask for it by address, or as localhost')
}

// What it takes to answer is enough to hold up all clients, and the answer may hold their tokens.
function requireDebugger({ headers }: IncomingMessage, { isLocal }: AdminOptions): void {
  if (!isLocal) {
    const message = 'only served where --admin is on the loopback: it may show tokens'
    throw new Refusal(403, 'DENIED', message)
  }
  const site = headers['sec-fetch-site'] ?? 'none'
  if (site === 'none' || site === 'same-origin') return
  throw new Refusal(403, 'DENIED', 'not served to the pages of another site')
}

function secondsOf({ searchParams }: URL): number {
  const text = searchParams.get('seconds') ?? '10'
  const seconds = Number(text)
  if (/^\d{1,2}$/.test(text) && seconds >= 1 && seconds <= 60) return seconds
  throw new Refusal(400, 'UNSUPPORTED', 'seconds: expected a whole number from 1 to 60')
}

function oneAtATime({ cpuProfile, heapSnapshot }: Debug): Debug {
  let isBusy = false
  const begin = () => {
    if (isBusy) throw new Refusal(429, 'TOOMANYREQUESTS', 'one at a time: another is under way')
    isBusy = true
  }
  return {
    async cpuProfile(seconds, signal) {
      begin()
      try {
        return await cpuProfile(seconds, signal)
      } finally {
        isBusy = false
      }
    },
    heapSnapshot() {
      begin()
      return heapSnapshot().once('close', () => (isBusy = false))
    },
  }
}

const ALWAYS = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' }

function toFile(name: string) {
  return {
    'Content-Type': 'application/json',
    'Content-Disposition': `attachment; filename="${name}"`,
  }
}

function send(
  response: ServerResponse,
  status: number,
  fields: Readonly<Record<string, string>>,
  text: string,
): void {
  const length = Buffer.byteLength(text)
  response.writeHead(status, { ...fields, ...ALWAYS, 'Content-Length': length }).end(text)
}

const OWN_FAULT = new Refusal(500, 'UNKNOWN', 'the sidecar failed to say; its log may tell why')
