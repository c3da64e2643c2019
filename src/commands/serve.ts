/** `serve`: the sidecar, from its settings to its end. */

import { UserError } from '../domain/errors.ts'
import { readCertificate, readGiven } from '../io/certificate.ts'
import { loadConfig } from '../io/config.ts'
import type { Access } from '../proxy/access.ts'
import { createAdmin } from '../proxy/admin.ts'
import { type ClientAuthority, tlsOf } from '../proxy/certificate.ts'
import { createExchange } from '../proxy/exchange.ts'
import { HEALTH } from '../proxy/route.ts'
import { listen, type Listener, type ListenOptions } from '../proxy/server.ts'
import { createUpstream } from '../proxy/upstream.ts'
import type { Command, World } from './command.ts'
import { createLog, type Log, readLevel } from './log.ts'
import { serveHelp } from './serve-help.ts'
import { openSupplies, readAdmission } from './serve-inject.ts'
import { readSettings, type ServeSettings } from './serve-settings.ts'

export const serve: Command = { ...serveHelp, run }

async function run(args: readonly string[], world: World): Promise<number> {
  const config = loadConfig(world.env)
  const settings = readSettings(args, world.env, config)
  const log = createLog({
    level: readLevel(world.env['ECR_CNAME_LOG'], 'info'),
    format: settings.logFormat ?? (world.stdoutIsTerminal ? 'pretty' : 'json'),
    write: world.stderr,
    now: world.now,
  })
  const stopped = aborted(world.stop)
  const { mappings, readOnly, inject } = settings
  const admission = inject && readAdmission(inject)
  const upstream = createUpstream()
  const supplies = openSupplies(inject ? mappings.values() : [], config, world, log)
  const onAccess = (access: Access) => logAccess(log, access)
  const handler = createExchange({
    mappings,
    readOnly,
    upstream,
    ...(admission && { inject: { admission, tokensFor: supplies.tokensFor } }),
    now: world.now,
    onAccess,
  })
  const onError = (error: Error) => log('error', 'a listener failed', { error: error.message })
  try {
    const listeners = await listenAll(settings, { handler, onError }, log)
    await stopped
    log('info', 'stopping')
    await drainAll(listeners, settings.drainMs)
    return 0
  } finally {
    supplies.close()
    upstream.close()
  }
}

type Handling = Pick<ListenOptions, 'handler' | 'onError'>

// All or none: an open listener would keep a process alive that is about to fail.
async function listenAll(
  settings: ServeSettings,
  { handler, onError }: Handling,
  log: Log,
): Promise<readonly Listener[]> {
  const tls = settings.tls && tlsOf(readCertificate(settings.tls), readAuthority(settings))
  const listeners: Listener[] = []
  try {
    for (const address of settings.listen) {
      listeners.push(await listen({ address, ...(tls && { tls }), handler, onError }))
    }
    const admin = await listenAdmin(settings, onError, log)
    logStart(log, settings, { listeners, admin })
    return admin ? [...listeners, admin] : listeners
  } catch (error) {
    await drainAll(listeners, 0)
    throw error
  }
}

function readAuthority({ inject }: ServeSettings): ClientAuthority | undefined {
  const caFile = inject?.clientCaFile
  return caFile === undefined ? undefined : { caFile, ca: readGiven(caFile, 'in PEM') }
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
  log('info', 'listening', {
    listen: listeners.map(({ url }) => url),
    admin: admin?.url,
    auth: settings.inject ? 'inject' : 'passthrough',
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
