import { describe, expect, it } from 'vitest'
import { stageOf } from '../../src/front/entry.ts'
import { cameExpired, renewalIn } from '../../src/tokens/due.ts'

const HOUR = 3_600_000
const START = 1_700_000_000_000
const LIFE = { mintedAt: START, expiresAt: START + 12 * HOUR }

describe('the renewal of a token at hand', () => {
  it.each([
    ['when it is due', 0.5, 0, 6],
    ['a tenth of the rest later', 0.5, 1, 6.6],
    ['a quarter of an hour before its end at the latest', 1, 0, 11.75],
    ['and still before it', 1, 1, 11.775],
  ])('is %s', (_, refreshAfter, random, hours) => {
    const token = { ...LIFE, refreshAt: START + 12 * HOUR * refreshAfter }

    expect(renewalIn(token, START + HOUR, random)).toBeCloseTo((hours - 1) * HOUR)
  })

  it('is after about an hour for one that had expired when it came, by a clock that is wrong', () => {
    const token = { mintedAt: START, refreshAt: START - 5 * HOUR, expiresAt: START - 10 * HOUR }

    expect(cameExpired(token)).toBe(true)
    expect(cameExpired(LIFE)).toBe(false)
    expect(renewalIn(token, START, 0)).toBe(HOUR)
    expect(renewalIn(token, START, 1)).toBeCloseTo(1.1 * HOUR)
  })

  it('is never while the keeper takes the token for fresh', () => {
    for (const refreshAfter of [0.01, 0.5, 0.98, 1]) {
      const token = { ...LIFE, refreshAt: START + 12 * HOUR * refreshAfter }
      const at = START + renewalIn(token, START, 0)

      expect(stageOf({ ...ENTRY, ...token }, at)).not.toBe('fresh')
      expect(stageOf({ ...ENTRY, ...token }, at - 1)).toBe('fresh')
    }
  })
})

const ENTRY = {
  v: 1,
  name: 'docker.company.test',
  identity: 'someone',
  registry: '123456789012.dkr.ecr.us-east-1.amazonaws.com',
  username: 'AWS',
  secret: 'c2VjcmV0',
  anyPort: true,
} as const
