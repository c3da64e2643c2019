/** Repositories that have to be there: each is looked for once in a while, however many push. */

export type Repositories = {
  /** Resolves once the repository of that name in that registry is there; else rejects. */
  readonly ensure: (key: string, make: () => Promise<void>) => Promise<void>
  /** Has it looked for at the next push: the registry seems not to know it. */
  readonly forget: (key: string) => void
}

/** `now` is in milliseconds. */
export function createRepositories(now: () => number): Repositories {
  const known = new Map<string, { readonly outcome: Promise<void>; until: number }>()
  return {
    ensure(key, make) {
      const found = known.get(key)
      if (found && now() < found.until) return found.outcome
      const entry = { outcome: make(), until: Infinity }
      known.delete(key)
      known.set(key, entry)
      const [oldest] = known.keys()
      if (known.size > MOST_KNOWN && oldest !== undefined) known.delete(oldest)
      entry.outcome.then(
        () => (entry.until = now() + KNOWN_MS),
        () => (entry.until = now() + FAILED_MS),
      )
      return entry.outcome
    },
    forget: (key) => known.delete(key),
  }
}

const MOST_KNOWN = 4096
const KNOWN_MS = 5 * 60_000
// A push starts several uploads at once, and one more of it is not worth a call each.
const FAILED_MS = 2000
