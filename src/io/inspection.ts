/** This process, measured and looked into. */

import { Session } from 'node:inspector/promises'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { cpuUsage, memoryUsage } from 'node:process'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { getHeapSnapshot } from 'node:v8'

export type Measured = {
  readonly memoryBytes: number
  readonly cpuSeconds: number
  /** How late timers were, by percentile, since about a minute. */
  readonly lagSeconds: Readonly<Record<string, number>>
}

/** Begins to measure how late timers are. The result reads all that is measured. */
export function measureProcess(now: () => number): () => Measured {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delays.enable()
  let since = now()
  return () => {
    const { user, system } = cpuUsage()
    const lagSeconds = { 50: lag(delays.percentile(50)), 99: lag(delays.percentile(99)) }
    // Not at each look, for there may be more than one who looks.
    if (now() - since > WINDOW_MS) {
      delays.reset()
      since = now()
    }
    return {
      memoryBytes: memoryUsage.rss(),
      cpuSeconds: (user + system) / 1e6,
      lagSeconds,
    }
  }
}

const RESOLUTION_MS = 20
const WINDOW_MS = 60_000

// What is measured, in nanoseconds, is the time between two timers.
function lag(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1000)
}

/** What the processor was used for, in the form that Chrome and VS Code open. */
export async function profileCpu(seconds: number, signal: AbortSignal): Promise<string> {
  const session = new Session()
  session.connect()
  try {
    await session.post('Profiler.enable')
    await session.post('Profiler.start')
    await sleep(seconds * 1000, undefined, { signal }).catch(() => {})
    const { profile } = await session.post('Profiler.stop')
    return JSON.stringify(profile)
  } finally {
    session.disconnect()
  }
}

/** All that is in memory. */
export function snapshotHeap(): Readable {
  return getHeapSnapshot()
}
