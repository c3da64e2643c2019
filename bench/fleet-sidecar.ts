/** A day of sidecars with `--auth inject`: their own supply of tokens, on a clock of its own. */

import { setImmediate as settled } from 'node:timers/promises'
import { createSupply } from '../src/tokens/supply.ts'
import { createRandom, DAY, type Day, entryOf } from './fleet-hosts.ts'

type Alarm = { readonly at: number; readonly act: () => void }

/** All start at once; the hosts behind them ask AWS for nothing. */
export async function simulateSidecars(replicas: number, refreshAfter: number): Promise<Day> {
  const random = createRandom()
  const alarms = new Set<Alarm>()
  const calls = new Map<number, number>()
  let now = 0
  const mint = async () => {
    const second = Math.floor(now / 1000)
    calls.set(second, (calls.get(second) ?? 0) + 1)
    return entryOf(second, refreshAfter)
  }
  for (let index = 0; index < replicas; index++) {
    createSupply({
      hold: mint,
      renew: mint,
      drop: () => {},
      failed: () => {},
      doubted: () => {},
      now: () => now,
      random,
      after(ms, act) {
        const alarm = { at: now + ms, act }
        alarms.add(alarm)
        return () => alarms.delete(alarm)
      },
    })
  }
  for (;;) {
    await settled()
    const [next] = [...alarms].sort((a, b) => a.at - b.at)
    if (!next || next.at >= DAY * 1000) break
    alarms.delete(next)
    now = next.at
    next.act()
  }
  const mints = [...calls.values()].reduce((sum, count) => sum + count, 0)
  const peak = Math.max(...calls.values())
  return { pulls: 0, refused: 0, mints, mintsPeak: peak, calls: mints, callsPeak: peak }
}
