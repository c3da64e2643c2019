/** A registry over HTTP: the right door, the login, another try, and errors in one line. */

import type { Agent, OutgoingHttpHeaders } from 'node:http'
import { UserError } from '../domain/errors.ts'
import { type Ask, askWith } from './ask.ts'
import { codeOf } from './codes.ts'
import { type Connections, openConnections, type Question } from './connection.ts'
import {
  asWritten,
  type Door,
  doorsOf,
  explainConnection,
  isWrongDoor,
  type Site,
} from './doors.ts'
import { createLogin, type Credentials } from './login.ts'
import { type Attempt, isPassing, type Pace, retrying, unlessStopped } from './retry.ts'
import type { Incoming } from './taker.ts'

export type { Ask } from './ask.ts'

export type ClientOptions = {
  readonly site: Site
  readonly credentials: Credentials
  readonly pace: Pace
  readonly signal: AbortSignal
  /** The way through a proxy. */
  readonly agent?: Agent | undefined
  /** Told of each try that is to be made again. */
  readonly onRetry?: (reason: string, waitMs: number) => void
}

/** What is meant for one thing that is tried, in place of what is for all. */
export type Trying = Pick<Partial<ClientOptions>, 'signal' | 'onRetry'>

export type Client = {
  readonly options: ClientOptions
  /** Asks until there is an answer. */
  readonly ask: (ask: Ask) => Promise<Incoming>
  /** Asks once; what may pass throws a `Passing`. */
  readonly askOnce: (ask: Ask) => Promise<Incoming>
  /** Tries until it succeeds; what the connection failed with in the end is a UserError. */
  readonly retrying: <T>(act: (attempt: Attempt) => Promise<T>, trying?: Trying) => Promise<T>
  /** A GET where the registry sent us to, without any login. */
  readonly follow: (
    location: string,
    headers: OutgoingHttpHeaders,
    signal: AbortSignal,
  ) => Promise<Incoming>
  /** The path and query of a URL that the registry answered with. */
  readonly targetOf: (location: string) => string
  /** What the registry has before the names of repositories and we have not. */
  readonly prefix: () => string
  readonly close: () => void
}

/** The one way in that was found, for all that follows. */
type Way = { door?: Door }

/** A client of one registry. Nothing is sent before the first question. */
export function openClient(options: ClientOptions): Client {
  const { site, pace, signal, agent, onRetry } = options
  const connections = openConnections(agent)
  const doors = doorsOf(site)
  const way: Way = {}
  const login = createLogin({
    credentials: (refused) => unlessStopped(options.credentials(refused), signal),
    now: pace.now,
    isOptional: doors.length > 1,
    get: (url, authorization) =>
      connections.ask(doorTo(url), {
        method: 'GET',
        path: `${url.pathname}${url.search}`,
        headers: authorization === undefined ? {} : { Authorization: authorization },
        signal,
      }),
  })
  const prefixOf = (door: Door | undefined) => (door?.isRegistry ? (site.prefix ?? '') : '')
  const send = (ask: Ask, authorization: string | undefined) =>
    knock({ doors, way, connections }, (door) => ({
      method: ask.method,
      path: ask.target ?? pathOf(ask, prefixOf(door)),
      headers: { ...ask.headers, ...(authorization && { Authorization: authorization }) },
      signal: ask.signal ?? signal,
      ...(ask.body && { body: ask.body() }),
    }))
  const askOnce = (ask: Ask) => askWith({ login, send, host: asWritten(site.name) }, ask)
  const keepTrying: Client['retrying'] = async (act, trying = {}) => {
    try {
      return await retrying(act, { pace, signal, ...(onRetry && { onRetry }), ...trying })
    } catch (error) {
      throw explain(error, way.door ?? doors[0])
    }
  }
  return {
    options,
    askOnce,
    retrying: keepTrying,
    ask: (ask) => keepTrying(() => askOnce(ask), ask.signal && { signal: ask.signal }),
    follow: (location, headers, until) => follow(connections, location, headers, until),
    targetOf: (location) => targetOf(location, site, way.door),
    prefix: () => prefixOf(way.door),
    close: connections.close,
  }
}

type Entrance = {
  readonly doors: readonly Door[]
  readonly way: Way
  readonly connections: Connections
}

/** Asks through the door that was found, or finds it. */
async function knock(
  { doors, way, connections }: Entrance,
  question: (door: Door) => Question,
): Promise<Incoming> {
  if (way.door) return await connections.ask(way.door, question(way.door))
  let rest = doors
  let cut: unknown
  for (;;) {
    const [door, ...others] = rest
    if (!door) throw new UserError('UNREACHABLE', 'no way leads to the registry')
    try {
      const answer = await connections.ask(door, question(door))
      way.door = door
      return answer
    } catch (error) {
      const next = others.findIndex((one) => isWrongDoor(error, door, one))
      // The certificate is not the next door's: it was the right one, and the network failed there.
      if (next === -1 && cut !== undefined && codeOf(error) === OTHER_NAME) throw cut
      if (next === -1) throw isUnexplained(error) ? explainConnection(error, door) : error
      if (codeOf(error) === 'ECONNRESET') cut ??= error
      rest = others.slice(next)
    }
  }
}

const OTHER_NAME = 'ERR_TLS_CERT_ALTNAME_INVALID'

// What another try can't change is told with the door at which it happened.
function isUnexplained(error: unknown): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO|ISSUER|ENOTFOUND|ERR_SSL|EPROTO/.test(codeOf(error))
}

function explain(error: unknown, door: Door | undefined): unknown {
  const isOfNetwork = isPassing(error) || codeOf(error).startsWith('HPE_')
  return door && isOfNetwork && !(error instanceof UserError)
    ? explainConnection(error, door)
    : error
}

function pathOf({ repository, path }: Ask, prefix: string): string {
  return repository === undefined ? `/v2/${path}` : `/v2/${prefix}${repository}/${path}`
}

function doorTo(url: URL): Door {
  if (url.protocol !== 'https:') {
    throw new UserError('REGISTRY', `${url.host}: the registry leads to a place without TLS`)
  }
  const host = url.hostname
  const port = url.port === '' ? 443 : Number(url.port)
  return { address: { host, port }, certificate: bare(host), host: url.host, isRegistry: false }
}

// The URL holds all that the bucket wants to know; a second login beside it is an error there.
async function follow(
  connections: Connections,
  location: string,
  headers: OutgoingHttpHeaders,
  signal: AbortSignal,
): Promise<Incoming> {
  const url = URL.parse(location)
  if (!url) throw new UserError('REGISTRY', 'the registry leads to a place that is no URL')
  const door = doorTo(url)
  const path = `${url.pathname}${url.search}`
  try {
    return await connections.ask(door, { method: 'GET', path, headers, signal })
  } catch (error) {
    throw isUnexplained(error) ? explainConnection(error, door) : error
  }
}

// Our login goes along, so it goes nowhere but to where we are already.
function targetOf(location: string, { name, registry }: Site, door: Door | undefined): string {
  const url = URL.parse(location, `https://${door?.host ?? registry}`)
  const isSame = url && [name.host, registry].includes(url.hostname)
  if (isSame) return `${url.pathname}${url.search}`
  throw new UserError(
    'REGISTRY',
    `${name.host}: the registry leads uploads or lists to another host`,
  )
}

function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1')
}
