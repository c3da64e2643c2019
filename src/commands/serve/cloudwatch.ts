/** `--cloudwatch`: pulls and pushes, told to CloudWatch once a minute, behind the requests. */

import type { CloudWatch, CloudWatchOptions, Count } from '../../aws/cloudwatch.ts'
import type { Access } from '../../proxy/access.ts'
import { type Counts, deedOf, repositoryOf } from '../../proxy/figures.ts'
import type { World } from '../command.ts'
import type { Log } from '../log.ts'

export type CloudWatchSettings = { readonly namespace: string; readonly region?: string }

export type Reports = {
  /** Told of every request. */
  readonly add: (access: Access) => void
  /** Puts what is left, within so long. */
  readonly close: (ms: number) => Promise<void>
}

export type ReportOptions = CloudWatchSettings & {
  readonly world: Pick<World, 'env' | 'now' | 'after'>
  readonly count: Counts['count']
  readonly log: Log
}

// The names that marjamis/ecr_reverse_proxy gave them, for there are alarms on them.
const METRICS = { pull: 'ECRImagePulls', push: 'ECRImagePushes' }
const EVERY_MS = 60_000
const PUT_MS = 20_000
// Of a call, as the API has it; and of a minute, so that a flood of tags can't be without end.
const MOST_IN_CALL = 1000
const MOST_IN_A_MINUTE = 20_000

/** Begins to report. Nothing of it is ever waited for by a request. */
export function createReports({ namespace, region, world, count, log }: ReportOptions): Reports {
  const { env, now, after } = world
  const tally = createTally()
  const put = createPut({ region, env })
  const ended = new AbortController()
  let underWay = Promise.resolve()
  const flush = async () => {
    const { counts, unkept } = tally.take()
    let dropped = unkept
    let error = 'too many images within a minute'
    for (let start = 0; start < counts.length; start += MOST_IN_CALL) {
      const some = counts.slice(start, start + MOST_IN_CALL)
      const signal = AbortSignal.any([AbortSignal.timeout(PUT_MS), ended.signal])
      try {
        await put(namespace, some, { at: now(), signal })
        count('cloudwatch_puts_total', { outcome: 'done' })
      } catch (failure) {
        error = (failure as Error).message
        dropped += some.reduce((sum, { value }) => sum + value, 0)
        count('cloudwatch_puts_total', { outcome: 'failed' })
      }
    }
    if (dropped === 0) return
    count('cloudwatch_dropped_total', {}, dropped)
    log('warn', 'CloudWatch was not told of pulls and pushes', { dropped, error })
  }
  const next = () => {
    underWay = flush()
    void underWay.finally(() => (callOff = after(EVERY_MS, next)))
  }
  let callOff = after(EVERY_MS, next)
  return {
    add: tally.add,
    async close(ms) {
      const giveUp = after(ms, () => ended.abort())
      await underWay
      callOff()
      await flush()
      giveUp()
    },
  }
}

/** How often each image was pulled and pushed since that was last asked. */
function createTally() {
  let counts = new Map<string, Count>()
  let unkept = 0
  return {
    add: (access: Access) => {
      const deed = deedOf(access)
      if (!deed) return
      const { registry = '', reference = '' } = access
      const dimensions = { Repository: `${registry}/${repositoryOf(access)}`, Image: reference }
      const key = `${deed} ${dimensions.Repository} ${reference}`
      const known = counts.get(key)?.value ?? 0
      if (known === 0 && counts.size >= MOST_IN_A_MINUTE) unkept += 1
      else counts.set(key, { metric: METRICS[deed], dimensions, value: known + 1 })
    },
    take() {
      const taken = { counts: [...counts.values()], unkept }
      counts = new Map()
      unkept = 0
      return taken
    },
  }
}

// The client is loaded with the first of them.
function createPut(options: CloudWatchOptions): CloudWatch['put'] {
  let client: Promise<CloudWatch> | undefined
  const open = async () => {
    const { openCloudWatch } = await import('../../aws/cloudwatch.ts')
    return await openCloudWatch(options)
  }
  return async (...put) => {
    client ??= open()
    try {
      await (await client).put(...put)
    } catch (error) {
      // Opened anew, for what it was opened with may be what is wrong.
      void client.then(({ close }) => close()).catch(() => {})
      client = undefined
      throw error
    }
  }
}
