/** `serve`: the sidecar, from its settings to its end. */

import { UserError } from '../../domain/errors.ts'
import { sitesOf } from '../../domain/mapping.ts'
import { type Primary, primaryOf } from '../../io/primary.ts'
import { createChecker } from '../../io/passwords.ts'
import { startWorkers } from '../../io/workers.ts'
import type { Access } from '../../proxy/access.ts'
import { createAdmin } from '../../proxy/admin.ts'
import { createExchange } from '../../proxy/exchange.ts'
import { HEALTH } from '../../proxy/route.ts'
import { type Limits, listen, type Listener, type ListenOptions } from '../../proxy/server.ts'
import { createUpstream } from '../../proxy/upstream.ts'
import type { Command, World } from '../command.ts'
import { createLog, type Log, readLevel } from '../log.ts'
import { serveHelp } from './help.ts'
import { createSupplies } from './inject.ts'
import { followChanges, type ReloadOptions } from './reload.ts'
import { readService, type Service } from './service.ts'
import type { ServeSettings } from './settings.ts'

export const serve: Command = { ...serveHelp, run }

async function run(args: readonly string[], world: World): Promise<number> {
  const primary = primaryOf()
  if (!primary) return await serveAs(undefined, args, world)
  try {
    return await serveAs(primary, args, world)
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    await primary.failed(error)
    return 1
  }
}

/** As a worker of a primary, or as the process that was started. */
async function serveAs(
  primary: Primary | undefined,
  args: readonly string[],
  world: World,
): Promise<number> {
  const { env, self, after } = world
  const check = createChecker({ command: [...self, 'check-passwords'], env, after })
  const read = () => readService(args, env, check)
  const service = read()
  const log = createLog({
    level: readLevel(env['ECR_CNAME_LOG']),
    format: service.settings.logFormat ?? (world.stdoutIsTerminal ? 'pretty' : 'json'),
    write: world.stderr,
    now: world.now,
  })
  if (!primary) warnOfInvalid(service, world, log)
  // Signals may reach all processes of a group; what they mean is for the primary to say.
  const ownStop = aborted(world.stop)
  if (primary) world.onHangup(() => {})
  else if (service.settings.workers > 1) {
    return await serveWithWorkers({ service, read, args, stopped: ownStop, world, log })
  }
  const { handler, take, close } = createHandling(service, world, log)
  let graceMs = service.settings.drainMs
  try {
    const onError = (error: Error) => log('error', 'a listener failed', { error: error.message })
    const listeners = await listenAll(service, { handler, onError }, { log, primary })
    const takeAll = (next: Service) => {
      take(next)
      if (!primary) warnOfInvalid(next, world, log)
      listeners.forEach(({ useTls }) => next.tls && useTls(next.tls))
      graceMs = next.settings.drainMs
    }
    const following = primary ? atItsWord(primary, log) : { world, log }
    const endReloads = followChanges({ service, read, take: takeAll, ...following })
    await (primary ? primary.stopped : ownStop)
    endReloads()
    if (!primary) log('info', 'stopping')
    await drainAll(listeners, graceMs)
    return 0
  } finally {
    close()
  }
}

// It looks and tells, and of what goes well it tells alone.
function atItsWord({ onReload }: Primary, log: Log): Pick<ReloadOptions, 'world' | 'log'> {
  return {
    world: { after: () => () => {}, onHangup: onReload },
    log: (level, ...event) => log(level === 'info' ? 'debug' : level, ...event),
  }
}

// Served all the same: some clients may not look, and the others say what is wrong.
function warnOfInvalid({ tls }: Service, { now }: World, log: Log): void {
  tls?.invalidAt(now()).forEach((file) => log('error', EXPIRED, { file }))
}

const EXPIRED = 'a certificate has expired, or is not valid yet; put a valid one in its place'

type Leading = Pick<ReloadOptions, 'service' | 'read' | 'log'> & {
  readonly args: readonly string[]
  readonly stopped: Promise<void>
  readonly world: World
}

/** Has workers serve, and holds what there is one of: admin address, signals, looks at files. */
async function serveWithWorkers(leading: Leading): Promise<number> {
  const { service, read, args, stopped, world, log } = leading
  const { self, now, after } = world
  const { settings } = service
  const onError = (error: Error) => log('error', 'a listener failed', { error: error.message })
  const admin = await listenAdmin(settings, onError, log)
  let graceMs = settings.drainMs
  try {
    const workers = await startWorkers({
      count: settings.workers,
      args: [...self.slice(1), serveHelp.name, ...args],
      onEnd: (ended) => log('error', 'a worker ended; another takes its place', ended),
      onRestart: ({ pid }) => log('info', 'a worker took the place of one that ended', { pid }),
      now,
      after,
    })
    logStart(log, settings, { urls: workers.urls, admin })
    const take = (next: Service) => {
      workers.reload()
      warnOfInvalid(next, world, log)
      graceMs = next.settings.drainMs
    }
    const endReloads = followChanges({ service, read, take, world, log })
    await stopped
    endReloads()
    log('info', 'stopping')
    await workers.stop(graceMs)
    return 0
  } finally {
    await admin?.drain(0)
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
  { log, primary }: { readonly log: Log; readonly primary: Primary | undefined },
): Promise<readonly Listener[]> {
  const listeners: Listener[] = []
  try {
    for (const address of settings.listen) {
      listeners.push(
        await listen({
          address,
          ...(tls && { tls }),
          handler,
          limits: limitsOf(settings),
          onError,
        }),
      )
    }
    const urls = listeners.map(({ url }) => url)
    if (primary) {
      primary.ready(urls)
      return listeners
    }
    const admin = await listenAdmin(settings, onError, log)
    logStart(log, settings, { urls, admin })
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

// Connections go to the workers by turns, so that each has its share.
function limitsOf({ limits, workers }: ServeSettings): Limits {
  return { ...limits, connections: Math.ceil(limits.connections / workers) }
}

type Listening = { readonly urls: readonly string[]; readonly admin: Listener | undefined }

function logStart(log: Log, settings: ServeSettings, { urls, admin }: Listening): void {
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
    listen: urls,
    admin: admin?.url,
    ...(settings.workers > 1 && { workers: settings.workers }),
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
