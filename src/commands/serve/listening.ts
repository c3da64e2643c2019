/** The listeners of `serve`: opened all or none, and what is told of them. */

import { UserError } from '../../domain/errors.ts'
import { parseRegistry } from '../../domain/registry.ts'
import type { Primary } from '../../io/primary.ts'
import { type Limits, listen, type Listener, type ListenOptions } from '../../proxy/server.ts'
import type { World } from '../command.ts'
import type { Log } from '../log.ts'
import type { Service } from './service.ts'
import type { ServeSettings } from './settings.ts'

type Handler = ListenOptions['handler']
type Handling = Pick<ListenOptions, 'handler' | 'onError' | 'onRefusal'> & {
  readonly admin: Handler
}
type Opened = { readonly listeners: readonly Listener[]; readonly admin: readonly Listener[] }

/** All or none: an open listener would keep a process alive that is about to fail. */
export async function listenAll(
  { settings, tls }: Service,
  { handler, admin: adminHandler, onError, onRefusal }: Handling,
  { log, primary }: { readonly log: Log; readonly primary: Primary | undefined },
): Promise<Opened> {
  const limits = limitsOf(settings)
  const own = { ...(tls && { tls }), handler, limits, onError, ...(onRefusal && { onRefusal }) }
  const listeners: Listener[] = []
  try {
    for (const address of settings.listen) listeners.push(await listen({ ...own, address }))
    const urls = listeners.map(({ url }) => url)
    if (primary) {
      primary.ready(urls)
      return { listeners, admin: [] }
    }
    const admin = await listenAdmin(settings, { handler: adminHandler, onError }, log)
    logStart(log, settings, { urls, admin })
    return { listeners, admin: admin ? [admin] : [] }
  } catch (error) {
    await drainAll(listeners, 0)
    throw error
  }
}

/** That for those who run it, where it can be had. */
export async function listenAdmin(
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

// Connections go to the workers by turns, so that each has its share.
function limitsOf({ limits, workers }: ServeSettings): Limits {
  return { ...limits, connections: Math.ceil(limits.connections / workers) }
}

type Listening = { readonly urls: readonly string[]; readonly admin: Listener | undefined }

/** Tells what is served, where and how. */
export function logStart(log: Log, settings: ServeSettings, { urls, admin }: Listening): void {
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

/** They are served all the same: some clients may not look, and the others say what is wrong. */
export function warnOfInvalid({ tls, settings }: Service, { now }: World, log: Log): void {
  if (!tls) return
  tls.invalidAt(now()).forEach((file) => log('error', EXPIRED, { file }))
  for (const name of settings.mappings.keys()) {
    // A wildcard is for one label; an ECR host is there for its AWS identity.
    const asked = name.replace(/^\*(?=\.)/, 'any').replace(/:\d+$/, '')
    if (!tls.isFor(asked) && !parseRegistry(asked)) log('warn', UNNAMED, { name })
  }
}

const UNNAMED = 'no certificate is for this name; its clients are shown that of another'
const EXPIRED = 'a certificate has expired, or is not valid yet; put a valid one in its place'

/** Lets all of them finish for so long. */
export async function drainAll(listeners: readonly Listener[], graceMs: number): Promise<void> {
  await Promise.all(listeners.map((listener) => listener.drain(graceMs)))
}
