/** `serve`: the sidecar, from its settings to its end. */

import { UserError } from '../../domain/errors.ts'
import { sitesOf } from '../../domain/mapping.ts'
import { type Primary, primaryOf } from '../../io/primary.ts'
import { createChecker } from '../../io/passwords.ts'
import type { Access } from '../../proxy/access.ts'
import { createExchange } from '../../proxy/exchange.ts'
import { HEALTH } from '../../proxy/route.ts'
import type { ListenOptions } from '../../proxy/server.ts'
import { createUpstream } from '../../proxy/upstream.ts'
import type { Command, World } from '../command.ts'
import { createLog, type Log, readLevel } from '../log.ts'
import { serveHelp } from './help.ts'
import { createSupplies } from './inject.ts'
import { serveWithWorkers } from './leading.ts'
import { drainAll, listenAll, warnOfInvalid } from './listening.ts'
import { followChanges, type ReloadOptions } from './reload.ts'
import { readService, type Service } from './service.ts'

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
