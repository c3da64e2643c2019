import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { UserError } from '../../src/domain/errors.ts'
import { type Ended, startWorkers, type Topic } from '../../src/io/workers.ts'
import { eventually } from '../support/user.ts'

const STAND_IN = resolve('test/io/stand-in.ts')
const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0)
const RELOADS: Topic<number> = { name: 'reloads', merge: sum, remains: (value) => value }
const PIDS: Topic<readonly number[]> = { name: 'pid', merge: (values) => values.flat() }

type Timer = { readonly ms: number; readonly act: () => void }

/** Workers whose timers are the test's. */
async function start({ count = 2, how = 'serve' } = {}) {
  const timers = new Set<Timer>()
  const ended: Ended[] = []
  const restarted: (number | undefined)[] = []
  const workers = await startWorkers({
    count,
    args: [STAND_IN, how],
    onEnd: (one) => ended.push(one),
    onRestart: ({ pid }) => restarted.push(pid),
    now: () => 0,
    after: (ms, act) => {
      const timer = { ms, act }
      timers.add(timer)
      return () => timers.delete(timer)
    },
  })
  /** The time of all that waits for so long has come. */
  const pass = (wanted: number) => {
    const due = [...timers].filter(({ ms }) => ms === wanted)
    due.forEach((timer) => {
      timers.delete(timer)
      timer.act()
    })
    return due.length
  }
  onTestFinished(async () => {
    const stopped = workers.stop(0)
    pass(2000)
    await stopped
  })
  return { workers, ended, restarted, pass, pids: async () => await workers.collect(PIDS) }
}

describe('workers', () => {
  it('are as many as were asked for, each a process of its own', async () => {
    const { workers, pids } = await start({ count: 3 })
    expect(workers.urls).toEqual([`http://127.0.0.1:${process.pid}`])
    expect(new Set(await pids()).size).toBe(3)
    expect(workers.counts()).toEqual({ alive: 3, ended: 0 })
  })

  it('are all told to read anew', async () => {
    const { workers } = await start()
    workers.reload()
    expect(await workers.collect(RELOADS)).toBe(2)
  })

  it('that end are told of and replaced, and what they said last still counts', async () => {
    const { workers, ended, restarted, pass, pids } = await start()
    const [first = 0] = await pids()
    workers.reload()
    expect(await workers.collect(RELOADS)).toBe(2)
    process.kill(first, 'SIGKILL')
    await eventually(() => ended.length > 0)
    expect(ended).toEqual([{ pid: first, by: 'SIGKILL', retryMs: 500 }])
    expect(await workers.collect(RELOADS)).toBe(2)
    expect(workers.counts()).toEqual({ alive: 1, ended: 1 })
    pass(500)
    await eventually(() => restarted.length > 0)
    expect(await workers.collect(RELOADS)).toBe(2)
    expect(await pids()).toEqual(expect.arrayContaining(restarted))
    workers.reload()
    expect(await workers.collect(RELOADS)).toBe(4)
  })

  it('that end again and again come back more and more slowly', async () => {
    const { ended, pass, pids } = await start({ count: 1 })
    for (const retryMs of [500, 1000, 2000]) {
      const [pid = 0] = await pids()
      process.kill(pid, 'SIGKILL')
      await eventually(() => ended.at(-1)?.pid === pid)
      expect(ended.at(-1)).toMatchObject({ retryMs })
      expect(pass(retryMs)).toBe(1)
    }
  })

  it('that are silent do not hold up the others, and what they said last is told', async () => {
    const { workers, pass } = await start({ count: 1 })
    const topic = { name: 'stuck', merge: sum }
    expect(await workers.collect(topic)).toBe(1)
    workers.reload()
    const answer = workers.collect(topic)
    pass(1000)
    expect(await answer).toBe(1)
  })

  it('that have nothing to say are left out', async () => {
    const { workers } = await start()
    const said = await workers.collect({ name: 'nothing', merge: (values) => values })
    expect(said).toEqual([])
  })

  it('that do not end when they are told to are killed in the end', async () => {
    const { workers, pass } = await start({ how: 'stubborn' })
    const stopped = workers.stop(30_000)
    expect(pass(32_000)).toBe(1)
    await stopped
    expect(workers.counts()).toEqual({ alive: 0, ended: 0 })
  })

  it('are not more than this machine is good for', async () => {
    const most = availableParallelism() * 4
    await expect(start({ count: most + 1 })).rejects.toThrow(
      new UserError('CONFIG', `workers: expected at most ${most} on this machine, got ${most + 1}`),
    )
  })

  it.each([
    ['says why', 'fail', new UserError('CONFIG', 'there is nothing to serve')],
    ['says nothing', 'crash', new UserError('SERVE', 'a worker ended (3) before it could serve')],
  ])('do not begin where one can not and %s', async (_, how, error) => {
    await expect(start({ how })).rejects.toThrow(error)
  })
})
