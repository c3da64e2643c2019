/** `--cloudwatch`: pulls and pushes, told to CloudWatch once a minute, behind the requests. */

import type { CloudWatch, Count } from '../../aws/cloudwatch.ts'
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
const MOST_AT_ONCE = 20_000

/** Begins to report. Nothing of it is ever waited for by a request. */
export function createReports({ namespace, region, world, count, log }: ReportOptions): Reports {
  const ended = new AbortController()
  let counts = new Map<string, Count>()
  let unkept = 0
  let client: Promise<CloudWatch> | undefined
  let underWay = Promise.resolve()
  const open = async () => {
    const { openCloudWatch } = await import('../../aws/cloudwatch.ts')
    return await openCloudWatch({ region, env: world.env })
  }
  const put = async (some: readonly Count[]) => {
    const signal = AbortSignal.any([AbortSignal.timeout(PUT_MS), ended.signal])
    client ??= open().catch((error: unknown) => {
      client = undefined
      throw error
    })
    await (await client).put(namespace, some, { at: world.now(), signal })
  }
  const flush = async () => {
    const all = [...counts.values()]
    let dropped = unkept
    let failure: unknown
    counts = new Map()
    unkept = 0
    for (let start = 0; start < all.length; start += MOST_IN_CALL) {
      const some = all.slice(start, start + MOST_IN_CALL)
      try {
        await put(some)
        count('cloudwatch_puts_total', { outcome: 'done' })
      } catch (error) {
        failure = error
        dropped += some.reduce((sum, { value }) => sum + value, 0)
        count('cloudwatch_puts_total', { outcome: 'failed' })
      }
    }
    if (dropped === 0) return
    count('cloudwatch_dropped_total', {}, dropped)
    const error = failure instanceof Error ? failure.message : 'too many images within a minute'
    log('warn', 'CloudWatch was not told of pulls and pushes', { dropped, error })
  }
  const next = () => {
    underWay = flush()
    void underWay.finally(() => (callOff = world.after(EVERY_MS, next)))
  }
  let callOff = world.after(EVERY_MS, next)
  return {
    add(access) {
      const deed = deedOf(access)
      if (!deed) return
      const { registry = '', reference = '' } = access
      const repository = `${registry}/${repositoryOf(access)}`
      const key = `${deed} ${repository} ${reference}`
      const known = counts.get(key)
      if (!known && counts.size >= MOST_AT_ONCE) unkept += 1
      else {
        const dimensions = { Repository: repository, Image: reference }
        counts.set(key, { metric: METRICS[deed], dimensions, value: (known?.value ?? 0) + 1 })
      }
    },
    async close(ms) {
      const giveUp = world.after(ms, () => ended.abort())
      await underWay
      callOff()
      await flush()
      giveUp()
    },
  }
}
