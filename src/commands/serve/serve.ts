/** `serve`: the sidecar, from its settings to its end. */

import { UserError } from '../../domain/errors.ts'
import { sitesOf } from '../../domain/mapping.ts'
import { createChecker } from '../../io/passwords.ts'
import { type Primary, primaryOf } from '../../io/primary.ts'
import { createExchange } from '../../proxy/exchange.ts'
import { createOutages } from '../../proxy/failover.ts'
import type { Listener, ListenOptions } from '../../proxy/server.ts'
import { createUpstream } from '../../proxy/upstream.ts'
import type { Command, World } from '../command.ts'
import { createLog, type Log, readLevel } from '../log.ts'
import { serveHelp } from './help.ts'
import { createSupplies } from './inject.ts'
import { serveWithWorkers } from './leading.ts'
import { createLines } from './lines.ts'
import { drainAll, listenAll, warnOfInvalid } from './listening.ts'
import { keepOwn, provideOwn } from './own-certificate.ts'
import { createPushes } from './push.ts'
import { followChanges, type ReloadOptions } from './reload.ts'
import { readService, type Service } from './service.ts'
import { createWatching, tellPrimary, type Watching } from './watching.ts'

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
  if (!primary) await provideOwn(args, world)
  const read = () => readService(args, env, check)
  const service = read()
  const lines = createLines(world.stderr)
  const log = createLog({
    level: readLevel(env['ECR_CNAME_LOG']),
    format: service.settings.logFormat ?? (world.stdoutIsTerminal ? 'pretty' : 'json'),
    write: lines.now,
    writeSoon: lines.soon,
    now: world.now,
  })
  const isKeeping = !primary && service.settings.ownsCertificate
  const endKeeping = isKeeping ? keepOwn(args, world, log) : () => {}
  try {
    return await serveLogged({ service, read, args, primary, world, log })
  } finally {
    endKeeping()
    lines.flush()
  }
}

type Starting = Pick<ReloadOptions, 'service' | 'read' | 'log'> & {
  readonly args: readonly string[]
  readonly primary: Primary | undefined
  readonly world: World
}

async function serveLogged(starting: Starting): Promise<number> {
  const { service, read, args, primary, world, log } = starting
  if (!primary) warnOfInvalid(service, world, log)
  // Signals may reach all processes of a group; what they mean is for the primary to say.
  const ownStop = aborted(world.stop)
  if (primary) world.onHangup(() => {})
  else if (service.settings.workers > 1) {
    return await serveWithWorkers({ service, read, args, stopped: ownStop, world, log })
  }
  return await serveHere({ ...starting, stopped: ownStop })
}

type Serving = Omit<Starting, 'args'> & { readonly stopped: Promise<void> }

async function serveHere(serving: Serving): Promise<number> {
  const { service, read, stopped, primary, world, log } = serving
  let listeners: readonly Listener[] = []
  const connections = () => listeners.reduce((sum, listener) => sum + listener.connections(), 0)
  const upstream = createUpstream()
  const watching = createWatching({ service, upstream, connections, world, log })
  if (primary) tellPrimary(primary, watching)
  const { handler, take, close } = createHandling(service, watching, world, log)
  let graceMs = service.settings.drainMs
  try {
    const onError = (error: Error) => log('error', 'a listener failed', { error: error.message })
    const { onRefusal, admin } = watching
    const opened = await listenAll(
      service,
      { handler, admin, onError, onRefusal },
      { log, primary },
    )
    listeners = opened.listeners
    const takeAll = (next: Service) => {
      take(next)
      if (!primary) warnOfInvalid(next, world, log)
      listeners.forEach(({ useTls }) => next.tls && useTls(next.tls))
      graceMs = next.settings.drainMs
    }
    const tried = (outcome: string) => watching.count('reloads_total', { outcome })
    const following = primary ? atItsWord(primary, log) : { world, log, tried }
    const endReloads = followChanges({ service, read, take: takeAll, ...following })
    await (primary ? primary.stopped : stopped)
    endReloads()
    if (!primary) log('info', 'stopping')
    await drainAll([...listeners, ...opened.admin], graceMs)
    await watching.close(LAST_MS)
    return 0
  } finally {
    close()
    upstream.close()
  }
}

// For the last counts, whatever requests have left of the time there was.
const LAST_MS = 2000

// The primary looks, tells and counts, and of what goes well it tells alone.
function atItsWord(
  { onReload }: Primary,
  log: Log,
): Pick<ReloadOptions, 'world' | 'log' | 'tried'> {
  return {
    world: { after: () => () => {}, onHangup: onReload },
    log: (level, ...event) => log(level === 'info' ? 'debug' : level, ...event),
    tried: () => {},
  }
}

/** Answers requests by the service that was taken last; those under way end as they began. */
function createHandling(first: Service, watching: Watching, world: World, log: Log) {
  const { upstream, onBegin, onAccess, count } = watching
  const unminted = (registry: string) => count('mint_failures_total', { registry })
  const { env, now, random, after } = world
  const supply = createSupplies({ env, now, random, after, unminted }, log)
  const pushes = createPushes(world, log)
  const outages = createOutages(now)
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
      outages,
      ...(inject && { inject }),
      ...(blobHosts && { blobHosts }),
      ...(pushRules.size > 0 && { pushes: pushes.take(pushRules) }),
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

function aborted(stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (stop.aborted) resolve()
    else stop.addEventListener('abort', () => resolve(), { once: true })
  })
}
