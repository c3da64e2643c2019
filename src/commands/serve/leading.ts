/** `serve` with workers: they serve, and this process holds what there is one of. */

import { startWorkers } from '../../io/workers.ts'
import type { World } from '../command.ts'
import { serveHelp } from './help.ts'
import { listenAdmin, logStart, warnOfInvalid } from './listening.ts'
import { followChanges, type ReloadOptions } from './reload.ts'
import type { Service } from './service.ts'

type Leading = Pick<ReloadOptions, 'service' | 'read' | 'log'> & {
  readonly args: readonly string[]
  readonly stopped: Promise<void>
  readonly world: World
}

/** Has workers serve; the admin address, signals and looks at files are here. Ends with 0. */
export async function serveWithWorkers(leading: Leading): Promise<number> {
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
