import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { UserError } from '../../src/domain/errors.ts'
import { parseRegistry, type Registry } from '../../src/domain/registry.ts'
import { identityOf } from '../../src/front/identity.ts'
import { holdToken, renewToken, type Tools, type Wanted } from '../../src/tokens/keeper.ts'
import { temporaryFolder } from '../support/folder.ts'

const ECR = '123456789012.dkr.ecr.us-east-1.amazonaws.com'
const HOUR = 3600_000
const START = 1_700_000_000_000

/** A keeper with a clock that stands still and an AWS that counts. */
function keeper(change: Partial<Tools> = {}) {
  const env = change.env ?? { HOME: temporaryFolder(), AWS_EC2_METADATA_DISABLED: 'true' }
  const state = { now: START, mints: 0, renewals: 0, unkept: 0 }
  const wanted: Wanted = {
    name: ECR,
    identity: identityOf(ECR, env),
    registry: parseRegistry(ECR) as Registry,
    anyPort: true,
    refreshAfter: 0.5,
  }
  const tools: Tools = {
    env,
    now: () => state.now,
    mint: async () => ({
      username: 'AWS',
      secret: `token-${++state.mints}`,
      expiresAt: state.now + 12 * HOUR,
    }),
    renewLater: async () => {
      state.renewals++
    },
    unkept: () => state.unkept++,
    signal: AbortSignal.timeout(60_000),
    ...change,
  }
  return { env, state, wanted, tools, hold: () => holdToken(wanted, tools) }
}

describe('a token', () => {
  it.each([
    [0, 'token-1', 0],
    [5.9, 'token-1', 0],
    [6, 'token-1', 1],
    [11.7, 'token-1', 1],
    [11.76, 'token-2', 0],
    [12, 'token-2', 0],
    [100, 'token-2', 0],
  ])('after %d hours: %s, %d renewals behind the answer', async (hours, secret, renewals) => {
    const { state, hold } = keeper()
    await hold()
    state.now = START + hours * HOUR
    expect(await hold()).toMatchObject({ secret })
    expect(state.renewals).toBe(renewals)
  })

  it('is renewed after the share of its life that the configuration says', async () => {
    const { state, wanted, tools } = keeper()
    await holdToken({ ...wanted, refreshAfter: 1 }, tools)
    state.now = START + 11.7 * HOUR
    await holdToken({ ...wanted, refreshAfter: 1 }, tools)
    expect(state.renewals).toBe(0)
  })

  it('lives twelve hours at the most, whatever the answer says', async () => {
    const { state, tools, wanted } = keeper()
    const far = {
      ...tools,
      mint: async () => ({ ...(await tools.mint()), expiresAt: state.now * 2 }),
    }
    expect(await holdToken(wanted, far)).toMatchObject({ expiresAt: START + 12 * HOUR })
  })

  it('that has just been minted is answered even if the clock of this machine says it is over', async () => {
    const { state, tools, wanted } = keeper()
    const past = {
      ...tools,
      mint: async () => ({ ...(await tools.mint()), expiresAt: state.now - HOUR }),
    }
    expect(await holdToken(wanted, past)).toMatchObject({ secret: 'token-1' })
    expect(await holdToken(wanted, past)).toMatchObject({ secret: 'token-2' })
  })
})

describe('a renewal that failed', () => {
  it('leaves the token that there is', async () => {
    const { state, tools, wanted, hold } = keeper()
    await hold()
    state.now = START + 11.8 * HOUR
    const denied = { ...tools, mint: () => Promise.reject(new UserError('ACCESS_DENIED', 'no')) }
    expect(await holdToken(wanted, denied)).toMatchObject({
      secret: 'token-1',
      warning: 'the token ends soon and was not renewed: no',
    })
  })
})

describe('a mint that somebody stopped', () => {
  it('is no failure for others', async () => {
    const stopping = new AbortController()
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(60_000)])
    const { state, tools, wanted, hold } = keeper()
    await hold()
    state.now = START + 11.8 * HOUR
    const mint = () => {
      stopping.abort()
      return Promise.reject(new UserError('TIMEOUT', 'no answer'))
    }
    await holdToken(wanted, { ...tools, signal, mint })
    expect(await hold()).toMatchObject({ secret: 'token-2' })
  })
})

describe('a renewal', () => {
  it('does nothing for a token that is fresh', async () => {
    const { state, wanted, tools, hold } = keeper()
    await hold()
    await renewToken(wanted, tools)
    expect(state.mints).toBe(1)
  })
})

describe('those who ask while another one mints', () => {
  it('wait for its token', async () => {
    const { state, hold } = keeper()
    const tokens = await Promise.all([hold(), hold(), hold()])
    expect(tokens.map(({ secret }) => secret)).toEqual(['token-1', 'token-1', 'token-1'])
    expect(state.mints).toBe(1)
  })

  it('share the reason when it fails', async () => {
    let calls = 0
    const { hold } = keeper({
      mint: async () => {
        calls++
        throw new UserError('ACCESS_DENIED', 'not allowed')
      },
    })
    const outcomes = await Promise.allSettled([hold(), hold(), hold()])
    expect(
      outcomes.map((outcome) => outcome.status === 'rejected' && String(outcome.reason)),
    ).toEqual(Array(3).fill('UserError: not allowed'))
    expect(calls).toBe(1)
  })

  it('say so when it takes too long', async () => {
    const { env, hold } = keeper({ signal: AbortSignal.abort() })
    const done = Promise.withResolvers<never>()
    const slow = keeper({ mint: () => done.promise, env })
    const first = holdToken(slow.wanted, slow.tools)
    await expect(hold()).rejects.toThrow(/waited too long for another process/)
    done.reject(new UserError('TIMEOUT', 'over'))
    await expect(first).rejects.toThrow('over')
  })
})

describe('a store that can not be used', () => {
  it('costs a mint each time', async () => {
    const { env, state, wanted, tools } = keeper()
    writeFileSync(join(env['HOME'] ?? '', 'file'), '')
    const broken = {
      ...tools,
      env: { ...env, ECR_CNAME_HOME: join(env['HOME'] ?? '', 'file/store') },
    }
    await holdToken(wanted, broken)
    await holdToken(wanted, broken)
    expect([state.mints, state.unkept]).toEqual([2, 2])
  })
})
