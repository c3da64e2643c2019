/**
 * A day of a fleet whose hosts have a helper each, second by second. When a token is renewed is told by
 * the helper's own code; here are only the hosts, their pulls and ECR's quota.
 */

import { MINT_TRIES } from '../src/aws/retry.ts'
import { parseRegistry } from '../src/domain/registry.ts'
import { type Entry, LONGEST_LIFE, stageOf } from '../src/front/entry.ts'
import { RETRY_AFTER } from '../src/front/failure.ts'
import { toEntry } from '../src/tokens/keeper.ts'

export const DAY = 86_400
/** GetAuthorizationToken, each second, account and region. */
export const ECR_QUOTA = 500

/** When a host pulls: the second of the next pull after one at a second. */
export type Schedule = {
  readonly first: (random: () => number) => number
  readonly next: (second: number, random: () => number) => number
}

export type Fleet = {
  readonly hosts: number
  readonly schedule: Schedule
  readonly refreshAfter: number
}

/** What a fleet asked of AWS in a day. */
export type Day = {
  readonly pulls: number
  /** Pulls that got no token. */
  readonly refused: number
  /** Processes that went to AWS for a token. */
  readonly mints: number
  /** The most of them in a second. */
  readonly mintsPeak: number
  /** Calls of GetAuthorizationToken; one that is throttled is made again. */
  readonly calls: number
  readonly callsPeak: number
}

type Host = { entry?: Entry; failedAt: number; isMinting: boolean }
type Mint = { readonly host: Host; readonly attempt: number; readonly isWaitedFor: boolean }

const REGISTRY = parseRegistry('123456789012.dkr.ecr.us-east-1.amazonaws.com')!

/** A day, from the moment at which the first host starts and no token is kept. */
export function simulateHosts({ hosts, schedule, refreshAfter }: Fleet): Day {
  const random = createRandom()
  const pullsAt = Array.from({ length: DAY }, (): Host[] => [])
  const mintsAt = Array.from({ length: DAY + MINT_TRIES }, (): Mint[] => [])
  const day = { pulls: 0, refused: 0, mints: 0, mintsPeak: 0, calls: 0, callsPeak: 0 }
  for (let index = 0; index < hosts; index++) {
    pullsAt[schedule.first(random)]?.push({ failedAt: -Infinity, isMinting: false })
  }
  for (let second = 0; second < DAY; second++) {
    const mints = mintsAt[second]!
    const retries = mints.length
    for (const host of pullsAt[second]!) {
      day.pulls++
      pullsAt[schedule.next(second, random)]?.push(host)
      const mint = mintFor(host, second)
      if (mint) mints.push(mint)
    }
    for (const [index, mint] of mints.entries()) {
      if (index < ECR_QUOTA) mint.host.entry = entryOf(second, refreshAfter)
      else if (mint.attempt < MINT_TRIES) {
        mintsAt[second + 1]!.push({ ...mint, attempt: mint.attempt + 1 })
        continue
      } else {
        mint.host.failedAt = second * 1000
        if (mint.isWaitedFor) day.refused++
      }
      mint.host.isMinting = false
    }
    day.mints += mints.length - retries
    day.mintsPeak = Math.max(day.mintsPeak, mints.length - retries)
    day.calls += mints.length
    day.callsPeak = Math.max(day.callsPeak, mints.length)
    // Long days of large fleets; what has been is not needed.
    pullsAt[second] = mintsAt[second] = []
  }
  return day
}

// As the helper does it: an aging token is served, and renewed behind the answer.
function mintFor(host: Host, second: number): Mint | undefined {
  const { entry, failedAt } = host
  const now = second * 1000
  const stage = entry ? stageOf(entry, now) : 'dead'
  if (stage === 'fresh' || host.isMinting) return undefined
  if (stage !== 'dead' && failedAt > now - RETRY_AFTER) return undefined
  host.isMinting = true
  return { host, attempt: 1, isWaitedFor: stage === 'dead' }
}

/** The token that is minted in a second. */
export function entryOf(second: number, refreshAfter: number): Entry {
  const now = second * 1000
  const wanted = { name: 'a', identity: 'a', registry: REGISTRY, anyPort: true, refreshAfter }
  return toEntry(wanted, { username: 'AWS', secret: 'a', expiresAt: now + LONGEST_LIFE }, now)
}

/** Numbers from 0 to below 1, the same ones each time (mulberry32). */
export function createRandom(): () => number {
  let state = 1
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
