/** `dockercfg --watch`: the file stays fresh until somebody ends the program. */

import { UserError } from '../../domain/errors.ts'
import { runProgram, withoutSecrets } from '../../io/programs.ts'
import { CAME_EXPIRED, cameExpired, renewalIn } from '../../tokens/due.ts'
import type { World } from '../command.ts'
import { createLog, readLevel, type Log } from '../log.ts'
import type { Job } from './dockercfg.ts'

/** Writes, waits until a renewal is due, and writes again. Resolves when it is told to stop. */
export async function watch(path: string, { make, write }: Job, world: World): Promise<number> {
  const { env, now, random, stop } = world
  const format = world.stdoutIsTerminal ? 'pretty' : 'json'
  const log = createLog({
    level: readLevel(env['ECR_CNAME_LOG']),
    format,
    write: world.stderr,
    now,
  })
  const stopped = new Promise<undefined>((resolve) => {
    stop.addEventListener('abort', () => resolve(undefined))
  })
  let failed = 0
  let isReady = false
  while (!stop.aborted) {
    // Nothing is lost by going in the middle of it: a file is written at one stroke.
    const renewed = await Promise.race([renew({ make, write }, path, log), stopped])
    if (!renewed) break
    const { tokens, isWhole } = renewed
    failed = isWhole ? 0 : failed + 1
    if (isWhole && !isReady) {
      isReady = true
      await tellSystemd(env, log)
    }
    if (tokens.some(cameExpired)) log('warn', CAME_EXPIRED)
    const dues = tokens.map((token) => renewalIn(token, now(), random()))
    const dueMs = Math.max(SHORTEST_MS, Math.min(...dues))
    const retryMs = Math.min(LONGEST_RETRY_MS, 2 ** failed * 1000) * (0.5 + random() / 2)
    const waitMs = isWhole ? dueMs : retryMs
    log('info', 'next renewal', { seconds: Math.round(waitMs / 1000) })
    await pause(waitMs, world)
  }
  log('info', 'stopped', { path })
  return 0
}

const SHORTEST_MS = 1000
const LONGEST_RETRY_MS = 5 * 60_000

// What can be had is written; what can't keeps its old entry, which may hold for hours.
async function renew({ make, write }: Pick<Job, 'make' | 'write'>, path: string, log: Log) {
  try {
    const { auths, tokens, failures } = await make()
    for (const { message } of failures) log('error', 'no new login', { error: message })
    const hosts = Object.keys(auths)
    if (hosts.length > 0) await write(auths)
    if (hosts.length > 0) log('info', 'written', { path, hosts })
    return { tokens, isWhole: failures.length === 0 }
  } catch (error) {
    if (!(error instanceof UserError) || error.code === 'USAGE') throw error
    log('error', 'the file stays as it was', { path, error: error.message })
    return { tokens: [], isWhole: false }
  }
}

// Node has no datagram sockets of Unix, which is what systemd listens on; its own program has.
async function tellSystemd(env: World['env'], log: Log): Promise<void> {
  if (!env['NOTIFY_SOCKET']) return
  const ended = await runProgram('systemd-notify', ['--ready'], { env: withoutSecrets(env) })
  if (ended?.exitCode === 0) return
  log('warn', 'systemd was not told', {
    error: ended?.stderr.trim() ?? 'no systemd-notify on PATH',
  })
}

// Timers stand still while a machine sleeps: one for hours would ring too late. A clock that is set
// back does not lengthen the wait.
async function pause(ms: number, { now, after, stop }: Clock): Promise<void> {
  const end = now() + ms
  let left = ms
  do {
    const slice = Math.min(LONGEST_SLICE_MS, left, end - now())
    await ring(slice, { after, stop })
    left -= slice
  } while (!stop.aborted && left > 0 && now() < end)
}

type Clock = Pick<World, 'now' | 'after' | 'stop'>

const LONGEST_SLICE_MS = 60_000

function ring(ms: number, { after, stop }: Pick<Clock, 'after' | 'stop'>): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      callOff()
      stop.removeEventListener('abort', end)
      resolve()
    }
    const callOff = after(ms, end)
    if (stop.aborted) end()
    else stop.addEventListener('abort', end)
  })
}
