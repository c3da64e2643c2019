/** `serve`: the sidecar, from its settings to its end. */

import { UserError } from '../../domain/errors.ts'
import { sitesOf } from '../../domain/mapping.ts'
import { createExchange } from '../../proxy/exchange.ts'
import { listen, type Listener, type ListenOptions } from '../../proxy/server.ts'
import { createUpstream } from '../../proxy/upstream.ts'
import type { Command, World } from '../command.ts'
import { createLog, type Log, readLevel } from '../log.ts'
import { serveHelp } from './help.ts'
import { createSupplies } from './inject.ts'
import { createPushes } from './push.ts'
import { followChanges } from './reload.ts'
import { readService, type Service } from './service.ts'
import type { ServeSettings } from './settings.ts'
import { createWatching, type Watching } from './watching.ts'

export const serve: Command = { ...serveHelp, run }

async function run(args: readonly string[], world: World): Promise<number> {
  const read = () => readService(args, world.env)
  const service = read()
  const log = createLog({
    level: readLevel(world.env['ECR_CNAME_LOG']),
    format: service.settings.logFormat ?? (world.stdoutIsTerminal ? 'pretty' : 'json'),
    write: world.stderr,
    now: world.now,
  })
  const stopped = aborted(world.stop)
  let listeners: readonly Listener[] = []
  const connections = () => listeners.reduce((sum, listener) => sum + listener.connections(), 0)
  const upstream = createUpstream()
  const watching = createWatching({ service, upstream, connections, world, log })
  const { handler, take, close } = createHandling(service, watching, world, log)
  let graceMs = service.settings.drainMs
  try {
    const onError = (error: Error) => log('error', 'a listener failed', { error: error.message })
    const { onRefusal, admin } = watching
    const opened = await listenAll(service, { handler, admin, onError, onRefusal }, log)
    listeners = opened.listeners
    const takeAll = (next: Service) => {
      take(next)
      listeners.forEach(({ useTls }) => next.tls && useTls(next.tls))
      graceMs = next.settings.drainMs
    }
    const tried = (outcome: string) => watching.count('reloads_total', { outcome })
    const endReloads = followChanges({ service, read, take: takeAll, world, log, tried })
    await stopped
    endReloads()
    log('info', 'stopping')
    const drainedBy = world.now() + graceMs
    await drainAll([...listeners, ...opened.admin], graceMs)
    await watching.close(Math.max(LAST_MS, drainedBy - world.now()))
    return 0
  } finally {
    close()
    upstream.close()
  }
}

// For the last counts, where requests have taken all of the time there was.
const LAST_MS = 1000

/** Answers requests by the service that was taken last; those under way end as they began. */
function createHandling(first: Service, watching: Watching, world: World, log: Log) {
  const { upstream, onBegin, onAccess, count } = watching
  const unminted = (registry: string) => count('mint_failures_total', { registry })
  const { env, now, random, after } = world
  const supply = createSupplies({ env, now, random, after, unminted }, log)
  const pushes = createPushes(world, log)
  let current: Handler
  const take = (service: Service) => {
    const { settings, config, admission, pushRules } = service
    const { mappings, readOnly, blobHosts } = settings
    const sites = [...mappings.values()].flatMap(sitesOf)
    const tokensFor = supply(admission ? sites : [], config)
    const inject = admission && { admission, tokensFor }
    watching.take(service, tokensFor)
    current = createExchange({
      mappings,
      readOnly,
      upstream,
      ...(inject && { inject }),
      ...(blobHosts && { blobHosts }),
      ...(pushRules.size > 0 && { pushes: pushes.pushesBy(pushRules) }),
      now,
      onBegin,
      onAccess,
    })
  }
  take(first)
  return {
    handler: (...exchange: Parameters<Handler>) => current(...exchange),
    take,
    close: () => {
      supply([], first.config)
      pushes.close()
    },
  }
}

type Handler = ListenOptions['handler']
type Handling = Pick<ListenOptions, 'handler' | 'onError' | 'onRefusal'> & {
  readonly admin: Handler
}

// All or none: an open listener would keep a process alive that is about to fail.
async function listenAll(
  { settings, tls }: Service,
  { handler, admin: adminHandler, onError, onRefusal }: Handling,
  log: Log,
): Promise<{ readonly listeners: readonly Listener[]; readonly admin: readonly Listener[] }> {
  const { limits } = settings
  const own = { ...(tls && { tls }), handler, limits, onError, ...(onRefusal && { onRefusal }) }
  const listeners: Listener[] = []
  try {
    for (const address of settings.listen) listeners.push(await listen({ ...own, address }))
    const admin = await listenAdmin(settings, { handler: adminHandler, onError }, log)
    logStart(log, settings, { listeners, admin })
    return { listeners, admin: admin ? [admin] : [] }
  } catch (error) {
    await drainAll(listeners, 0)
    throw error
  }
}

async function listenAdmin(
  { admin, isAdminAsked }: ServeSettings,
  handling: Pick<ListenOptions, 'handler' | 'onError'>,
  log: Log,
): Promise<Listener | undefined> {
  try {
    return await listen({ address: admin, ...handling })
  } catch (error) {
    if (isAdminAsked || !(error instanceof UserError)) throw error
    log('warn', 'no admin address: --admin names another', { error: error.message })
    return undefined
  }
}

type Listening = {
  readonly listeners: readonly Listener[]
  readonly admin: Listener | undefined
}

function logStart(log: Log, settings: ServeSettings, { listeners, admin }: Listening): void {
  for (const name of settings.left) {
    log('warn', 'not served: the sidecar serves private registries by their own names', { name })
  }
  settings.notes.forEach((note) => log('warn', note))
  const replicated = [...settings.mappings.values()].find(({ replicas }) => replicas)
  if (replicated && !settings.inject) {
    const { name } = replicated
    log('warn', 'replicas are read with --auth inject only: a token is good for one region', {
      name,
    })
  }
  log('info', 'listening', {
    listen: listeners.map(({ url }) => url),
    admin: admin?.url,
    auth: settings.inject ? 'inject' : 'passthrough',
    blobs: settings.blobHosts ? 'stream' : 'redirect',
    registries: Object.fromEntries(
      [...settings.mappings.values()].map(({ name, registry }) => [name, registry.host]),
    ),
  })
}

function aborted(stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (stop.aborted) resolve()
    else stop.addEventListener('abort', () => resolve(), { once: true })
  })
}

async function drainAll(listeners: readonly Listener[], graceMs: number): Promise<void> {
  await Promise.all(listeners.map((listener) => listener.drain(graceMs)))
}
