/** Reads what is served anew when its files change, and on SIGHUP. */

import { isDeepStrictEqual } from 'node:util'
import { UserError } from '../../domain/errors.ts'
import type { World } from '../command.ts'
import type { Log } from '../log.ts'
import { type Service, stampsOf } from './service.ts'

export type ReloadOptions = {
  /** What is served at first. */
  readonly service: Service
  readonly read: () => Service
  /** Serves that from now on. */
  readonly take: (service: Service) => void
  readonly world: Pick<World, 'after' | 'onHangup'>
  readonly log: Log
  /** Told of each, and of a failure that goes on once. */
  readonly tried: (outcome: 'done' | 'failed') => void
}

// Kubernetes swaps links, which a watch on a file does not tell; looking does.
const LOOK_MS = 5000

/** Follows changes until it is told to end. */
export function followChanges({
  service,
  read,
  take,
  world,
  log,
  tried,
}: ReloadOptions): () => void {
  let current = service
  let failure: string | undefined
  const reload = () => {
    try {
      const next = read()
      requireSameListeners(current, next)
      take(next)
      current = next
      failure = undefined
      tried('done')
      log('info', 'read anew')
    } catch (error) {
      const message = (error as Error).message
      // Said once, and not at every look.
      if (message !== failure) {
        tried('failed')
        log('error', 'not read anew: all goes on as before', { error: message })
      }
      failure = message
    }
  }
  // What failed may be mended in a file that is not among the current ones.
  const look = () => {
    if (failure !== undefined || stampsOf(current.files) !== current.stamp) reload()
    callOff = world.after(LOOK_MS, look)
  }
  let callOff = world.after(LOOK_MS, look)
  world.onHangup(() => {
    failure = undefined
    reload()
  })
  return () => callOff()
}

// Who may come in was checked against where it listens.
function requireSameListeners(current: Service, next: Service): void {
  for (const [what, of] of FIXED) {
    if (!isDeepStrictEqual(of(current), of(next))) {
      throw new UserError('SERVE', `${what} changes with a restart only; restart, or undo that`)
    }
  }
}

const FIXED: readonly (readonly [string, (service: Service) => unknown])[] = [
  ['"listen"', ({ settings }) => settings.listen],
  ['"admin"', ({ settings }) => settings.admin],
  ['"cloudwatch"', ({ settings }) => settings.cloudwatch],
  ['"logFormat"', ({ settings }) => settings.logFormat],
  ['a limit', ({ settings }) => settings.limits],
  ['"workers"', ({ settings }) => settings.workers],
  ['whether TLS is served', ({ tls }) => tls !== undefined],
  ['whether "clientCa" is named', ({ admission }) => admission?.takesCertificates === true],
]
