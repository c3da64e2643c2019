/** `serve` with workers: they serve, and this process holds what there is one of. */

import { startWorkers, type Workers } from '../../io/workers.ts'
import { createUpstream } from '../../proxy/upstream.ts'
import type { World } from '../command.ts'
import { serveHelp } from './help.ts'
import { listenAdmin, logStart, warnOfInvalid } from './listening.ts'
import { followChanges, type ReloadOptions } from './reload.ts'
import type { Service } from './service.ts'
import { createWatching } from './watching.ts'

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
  const upstream = createUpstream()
  let workers: Workers | undefined
  const others = () => workers
  const watching = createWatching({ service, upstream, others, world, log })
  const admin = await listenAdmin(settings, { handler: watching.admin, onError }, log)
  let graceMs = settings.drainMs
  try {
    const started = await startWorkers({
      count: settings.workers,
      args: [...self.slice(1), serveHelp.name, ...args],
      onEnd: (ended) => {
        watching.count('worker_ends_total')
        log('error', 'a worker ended; another takes its place', ended)
      },
      onRestart: ({ pid }) => log('info', 'a worker took the place of one that ended', { pid }),
      now,
      after,
    })
    workers = started
    logStart(log, settings, { urls: started.urls, admin })
    const take = (next: Service) => {
      started.reload()
      watching.take(next)
      warnOfInvalid(next, world, log)
      graceMs = next.settings.drainMs
    }
    const tried = (outcome: string) => watching.count('reloads_total', { outcome })
    const endReloads = followChanges({ service, read, take, world, log, tried })
    await stopped
    endReloads()
    log('info', 'stopping')
    await started.stop(graceMs)
    return 0
  } finally {
    await admin?.drain(0)
    upstream.close()
  }
}
