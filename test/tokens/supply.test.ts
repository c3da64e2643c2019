import { describe, expect, it } from 'vitest'
import type { Held } from '../../src/tokens/keeper.ts'
import { createSupply, type SupplyOptions } from '../../src/tokens/supply.ts'

const HOUR = 3600_000
const START = 1_700_000_000_000

/** A supply whose clock and timer the test turns, and an AWS that counts and can fail. */
function supply(change: Partial<SupplyOptions> = {}) {
  const state = {
    now: START,
    minted: 0,
    dropped: [] as string[],
    failures: [] as number[],
    failing: false,
    timer: undefined as { readonly at: number; readonly act: () => void } | undefined,
  }
  const mint = async (): Promise<Held> => {
    if (state.failing) throw new Error('no AWS')
    const { now } = state
    const secret = `token-${++state.minted}`
    return {
      username: 'AWS',
      secret,
      mintedAt: now,
      refreshAt: now + 6 * HOUR,
      expiresAt: now + 12 * HOUR,
    }
  }
  const own = createSupply({
    hold: mint,
    renew: mint,
    drop: (secret) => state.dropped.push(secret),
    failed: (_, retryMs) => state.failures.push(retryMs),
    doubted: () => {},
    now: () => state.now,
    random: () => 0,
    after: (ms, act) => {
      const timer = { at: state.now + ms, act }
      state.timer = timer
      return () => (state.timer = state.timer === timer ? undefined : state.timer)
    },
    ...change,
  })
  /** Lets the timer act at its time, and what it began come to its end. */
  const ring = async () => {
    const { at, act } = state.timer ?? { at: NaN, act: () => {} }
    state.now = at
    state.timer = undefined
    act()
    await settled()
  }
  const held = async () => atob((await own.hold()).replace('Basic ', '')).replace('AWS:', '')
  return { ...own, state, ring, held }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('a supply', () => {
  it('has its first token before it is asked', async () => {
    const { state, held } = supply()
    await settled()
    expect(state.minted).toBe(1)
    expect(await held()).toBe('token-1')
    expect(state.minted).toBe(1)
  })

  it('tells from when to when its token is good, and of none that it dropped', async () => {
    const { life, held, refused } = supply()
    expect(life()).toBeUndefined()
    await held()
    expect(life()).toEqual({ mintedAt: START, expiresAt: START + 12 * HOUR })
    refused(`Basic ${btoa('AWS:token-1')}`)
    expect(life()).toBeUndefined()
  })

  it('mints once for all who ask at the same time', async () => {
    const { held } = supply()
    expect(await Promise.all([held(), held(), held()])).toEqual(Array(3).fill('token-1'))
  })

  it.each([
    [0, 6],
    [0.5, 6.3],
  ])(
    'renews ahead of the end, once it is due, with jitter: %d is after %d hours',
    async (random, hours) => {
      const { state, ring, held } = supply({ random: () => random })
      await held()
      expect(state.timer?.at).toBe(START + hours * HOUR)
      await ring()
      expect(await held()).toBe('token-2')
    },
  )

  it('answers with the token that lives while a renewal is under way', async () => {
    const { promise, resolve } = Promise.withResolvers<Held>()
    const { ring, held } = supply({ renew: () => promise })
    await held()
    await ring()
    expect(await held()).toBe('token-1')
    resolve({
      username: 'AWS',
      secret: 'token-2',
      mintedAt: START,
      refreshAt: START * 2,
      expiresAt: START * 2,
    })
    await settled()
    expect(await held()).toBe('token-2')
  })

  it('goes on with the token that lives when renewals fail, and tries again ever later', async () => {
    const { state, ring, held } = supply()
    await held()
    state.failing = true
    await ring()
    await ring()
    await ring()
    expect(state.failures).toEqual([500, 1000, 2000])
    expect(await held()).toBe('token-1')
    for (let tries = 0; tries < 9; tries++) await ring()
    expect(state.failures.at(-1)).toBe(30_000)
    state.failing = false
    await ring()
    expect(await held()).toBe('token-2')
  })

  it('never answers with a token that has ended', async () => {
    const { state, held } = supply()
    await held()
    state.now += 12 * HOUR
    expect(await held()).toBe('token-2')
  })

  it('takes a token that had expired when it came, tells of it, and has another in an hour', async () => {
    let minted = 0
    let doubts = 0
    const mint = async (): Promise<Held> => ({
      username: 'AWS',
      secret: `token-${++minted}`,
      mintedAt: START,
      refreshAt: START - 18 * HOUR,
      expiresAt: START - 12 * HOUR,
    })
    const { state, ring, held, life } = supply({ hold: mint, renew: mint, doubted: () => doubts++ })
    expect(await Promise.all([held(), held()])).toEqual(['token-1', 'token-1'])
    expect(await held()).toBe('token-1')
    expect(life()).toEqual({ mintedAt: START, expiresAt: START + 12 * HOUR })
    expect([minted, doubts, state.timer?.at]).toEqual([1, 1, START + HOUR])
    await ring()
    expect(await held()).toBe('token-2')
  })

  it('says why it has none, without a mint for every request', async () => {
    let mints = 0
    const { held, ring, state } = supply({
      hold: async () => {
        mints++
        throw new Error('no AWS')
      },
    })
    await settled()
    await expect(held()).rejects.toThrow('no AWS')
    await expect(held()).rejects.toThrow('no AWS')
    expect(mints).toBe(1)
    await ring()
    expect(mints).toBe(2)
    state.now += 60_000
    await expect(held()).rejects.toThrow('no AWS')
    expect(mints).toBe(3)
  })

  it('drops a token that was refused, once for all who saw it refused', async () => {
    const { state, hold, refused, held } = supply()
    const first = await hold()
    expect([refused(first), refused(first)]).toEqual([true, true])
    expect(state.dropped).toEqual(['token-1'])
    expect(await held()).toBe('token-2')
    expect(refused(first)).toBe(true)
    expect(await held()).toBe('token-2')
  })

  it('keeps a new token that is refused like the last: another would be too', async () => {
    const { state, hold, refused, held } = supply()
    refused(await hold())
    const second = await hold()
    expect(refused(second)).toBe(false)
    expect(await held()).toBe('token-2')
    state.now += 60_000
    expect(refused(second)).toBe(true)
    expect(await held()).toBe('token-3')
  })

  it('gives up a new token at once when the last one before it was taken', async () => {
    const { state, hold, refused, helped, held } = supply()
    refused(await hold())
    const second = await hold()
    helped()
    expect(refused(second)).toBe(true)
    expect(await held()).toBe('token-3')
    expect(state.dropped).toEqual(['token-1', 'token-2'])
  })

  it('ends with its timer', async () => {
    const { state, close, held } = supply()
    await held()
    close()
    expect(state.timer).toBeUndefined()
  })
})
