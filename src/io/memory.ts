/** Memory of buffers that were passed on. */

import { memoryUsage } from 'node:process'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

// A few streams' worth; more than small requests ever leave.
const MOST_BYTES = 16 * 1024 * 1024
const LOOK_MS = 20

type Collect = (options: { readonly type: 'minor' }) => void

/**
 * Has buffers freed soon after they were passed on. They weigh little in V8's own heap, so by itself
 * it leaves up to a hundred megabytes of them before it looks. The result ends it.
 */
export function freeBuffersSoon(): () => void {
  let collect: Collect | undefined
  const timer = setInterval(() => {
    if (memoryUsage().arrayBuffers <= MOST_BYTES) return
    collect ??= collector()
    collect({ type: 'minor' })
  }, LOOK_MS)
  timer.unref()
  return () => clearInterval(timer)
}

function collector(): Collect {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as Collect
  // Compiled code that is kept is of use only to those who have the same flags.
  setFlagsFromString('--no-expose-gc')
  return collect
}
