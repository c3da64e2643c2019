/** `serve`: the sidecar, from its settings to its end. */

import { UserError } from '../../domain/errors.ts'
import { sitesOf } from '../../domain/mapping.ts'
import type { Access } from '../../proxy/access.ts'
import { createAdmin } from '../../proxy/admin.ts'
import { createExchange } from '../../proxy/exchange.ts'
import { HEALTH } from '../../proxy/route.ts'
import { listen, type Listener, type ListenOptions } from '../../proxy/server.ts'
import { createUpstream } from '../../proxy/upstream.ts'
import type { Command, World } from '../command.ts'
import { createLog, type Log, readLevel } from '../log.ts'
import { serveHelp } from './help.ts'
import { createSupplies } from './inject.ts'
import { createLines } from './lines.ts'
import { followChanges } from './reload.ts'
import { readService, type Service } from './service.ts'
import type { ServeSettings } from './settings.ts'

export const serve: Command = { ...serveHelp, run }

async function run(args: readonly string[], world: World): Promise<number> {
  const read = () => readService(args, world.env)
  const service = read()
  const lines = createLines(world.stderr)
  const log = createLog({
    level: readLevel(world.env['ECR_CNAME_LOG']),
    format: service.settings.logFormat ?? (world.stdoutIsTerminal ? 'pretty' : 'json'),
    write: lines.now,
    writeSoon: lines.soon,
    now: world.now,
  })
  const stopped = aborted(world.stop)
  const { handler, take, close } = createHandling(service, world, log)
  let graceMs = service.settings.drainMs
  try {
    const onError = (error: Error) => log('error', 'a listener failed', { error: error.message })
    const listeners = await listenAll(service, { handler, onError }, log)
    const takeAll = (next: Service) => {
      take(next)
      listeners.forEach(({ useTls }) => next.tls && useTls(next.tls))
      graceMs = next.settings.drainMs
    }
    const endReloads = followChanges({ service, read, take: takeAll, world, log })
    await stopped
    endReloads()
    log('info', 'stopping')
    await drainAll(listeners, graceMs)
    return 0
  } finally {
    close()
    lines.flush()
  }
}

/** Answers requests by the service that was taken last; those under way end as they began. */
function createHandling(first: Service, world: World, log: Log) {
  const upstream = createUpstream()
  const supply = createSupplies(world, log)
  const onAccess = (access: Access) => logAccess(log, access)
  let current: Handler
  const take = ({ settings, config, admission }: Service) => {
    const { mappings, readOnly, blobHosts } = settings
    const sites = [...mappings.values()].flatMap(sitesOf)
    const tokensFor = supply(admission ? sites : [], config)
    const inject = admission && { admission, tokensFor }
    current = createExchange({
      mappings,
      readOnly,
      upstream,
      ...(inject && { inject }),
      ...(blobHosts && { blobHosts }),
      now: world.now,
      onAccess,
    })
  }
  take(first)
  return {
    handler: (...exchange: Parameters<Handler>) => current(...exchange),
    take,
    close: () => {
      supply([], first.config)
      upstream.close()
    },
  }
}

type Handler = ListenOptions['handler']
type Handling = Pick<ListenOptions, 'handler' | 'onError'>

// All or none: an open listener would keep a process alive that is about to fail.
async function listenAll(
  { settings, tls }: Service,
  { handler, onError }: Handling,
  log: Log,
): Promise<readonly Listener[]> {
  const listeners: Listener[] = []
  try {
    for (const address of settings.listen) {
      listeners.push(
        await listen({ address, ...(tls && { tls }), handler, limits: settings.limits, onError }),
      )
    }
    const admin = await listenAdmin(settings, onError, log)
    logStart(log, settings, { listeners, admin })
    return admin ? [...listeners, admin] : listeners
  } catch (error) {
    await drainAll(listeners, 0)
    throw error
  }
}

async function listenAdmin(
  { admin, isAdminAsked }: ServeSettings,
  onError: ListenOptions['onError'],
  log: Log,
): Promise<Listener | undefined> {
  try {
    return await listen({ address: admin, handler: createAdmin(), onError })
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

function logAccess(log: Log, access: Access): void {
  // Asked every few seconds by whoever watches.
  const isRoutine = access.path === HEALTH && access.status === 200
  log(isRoutine ? 'debug' : 'info', 'request', access)
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
