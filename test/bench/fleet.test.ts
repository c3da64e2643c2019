import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { DAY, type Schedule, simulateHosts } from '../../bench/fleet-hosts.ts'
import { fleetTable, PER_MINT, refreshTable } from '../../bench/fleet-report.ts'
import { simulateSidecars } from '../../bench/fleet-sidecar.ts'
import { CNAME, ECR, emulated, eventually, newUser, type User } from '../support/user.ts'

const HOUR = 3600

/** Every host pulls at these seconds of the day. */
function at(...seconds: readonly number[]): Schedule {
  return { first: () => seconds[0]!, next: (now) => seconds.find((second) => second > now) ?? DAY }
}

/** As if a token had been minted some seconds earlier. */
function age(user: User, seconds: number): void {
  const earlier = (time: unknown) => Number(time) - seconds * 1000
  user.alter(({ mintedAt, refreshAt, expiresAt, ...entry }) => ({
    ...entry,
    mintedAt: earlier(mintedAt),
    refreshAt: earlier(refreshAt),
    expiresAt: earlier(expiresAt),
  }))
}

describe('docs/fleet.md', () => {
  const cells = (text: string) => text.replaceAll(/ *\| */g, '|').replaceAll(/:?-+:?/g, '-')
  const document = cells(readFileSync('docs/fleet.md', 'utf8'))

  it('has the tables that the simulation prints', { timeout: 120_000 }, async () => {
    expect(document).toContain(cells(await fleetTable()))
    expect(document).toContain(cells(refreshTable()))
  })
})

describe('the simulation', () => {
  it('says of 10 hosts what 10 helpers do', { timeout: 120_000 }, async () => {
    const emulator = await emulated()
    const count = (operation: string) =>
      emulator.calls.filter((call) => call.operation === operation && call.status === 200).length
    const users = Array.from({ length: 10 }, () => newUser(emulator, 'imds'))
    const pullAll = async () => {
      for (const user of users) await user.secret(ECR)
    }
    const pulls: number[] = []
    const simulated = () =>
      simulateHosts({ hosts: 10, schedule: at(...pulls), refreshAfter: 0.5 }).calls

    for (const hours of [0, 1, 7, 8, 21]) {
      const since = (hours - (pulls.at(-1) ?? 0) / HOUR) * HOUR
      if (hours > 0) users.forEach((user) => age(user, since))
      pulls.push(hours * HOUR)
      await pullAll()
      await eventually(() => count('GetAuthorizationToken') >= simulated())
    }
    expect(count('GetAuthorizationToken')).toBe(simulated())
    expect(simulated()).toBe(30)
    const { imds } = Object.groupBy(emulator.calls, ({ service }) => service)
    expect(imds).toHaveLength(30 * PER_MINT.IMDS)
  })

  it('counts what a mint by a role asks for', async () => {
    const emulator = await emulated()
    const user = newUser(emulator, 'imds')
    const roleArn = 'arn:aws:iam::123456789012:role/partner'
    user.configure({
      registries: { [CNAME]: { registry: ECR, roleArn, externalId: 'partner-42' } },
    })
    await user.secret(CNAME)
    const calls = Object.groupBy(emulator.calls, ({ service, operation }) =>
      service === 'imds' ? 'IMDS' : operation,
    )
    expect(
      Object.fromEntries(Object.entries(calls).map(([name, made]) => [name, made?.length])),
    ).toEqual(PER_MINT)
  })

  it('has no more than the quota served in a second, and throttled calls made six times', () => {
    const { calls, callsPeak, refused, mints } = simulateHosts({
      hosts: 4000,
      schedule: at(0),
      refreshAfter: 0.5,
    })
    expect({ calls, callsPeak, refused, mints }).toEqual({
      calls: 4000 + 3500 + 3000 + 2500 + 2000 + 1500,
      callsPeak: 4000,
      refused: 1000,
      mints: 4000,
    })
  })

  it('says of sidecars that they renew apart from each other', async () => {
    const { calls, callsPeak } = await simulateSidecars(100, 0.5)
    // All at the start, and each about every six hours, a little after.
    expect(callsPeak).toBe(100)
    expect(calls).toBeGreaterThan(100 * 3)
    expect(calls).toBeLessThanOrEqual(100 * 4)
  })
})
