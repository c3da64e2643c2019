/** Several things at once, but not too many; the first failure ends the others. */

import { stopped } from './retry.ts'

/** Acts on each item, so many at a time. Resolves once all are done, and nothing is under way. */
export async function inParallel<T>(
  items: readonly T[],
  { count, signal }: { readonly count: number; readonly signal: AbortSignal },
  act: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController()
  const either = AbortSignal.any([signal, failed.signal])
  const rest = items.values()
  const failures: unknown[] = []
  const work = async () => {
    for (const item of rest) {
      if (either.aborted) return
      try {
        await act(item, either)
      } catch (error) {
        failures.push(error)
        failed.abort()
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(count, items.length) }, work))
  if (failures.length > 0) throw failures[0]
  if (signal.aborted) throw stopped()
}
