/** One process at a time: a lock file that names its holder, and that the dead do not keep. */

import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { platform } from 'node:os'
import { kill, pid } from 'node:process'

/** Gives the turn back. */
export type Release = () => void

// No holder works for longer; one that seems to is another machine's, or hangs.
const LONGEST_TURN = 15_000

/**
 * Takes the turn, or `undefined` while a living process has it. A turn whose holder was killed
 * goes to exactly one of those who ask. Throws what node:fs throws where no file can be made.
 */
export function takeTurn(path: string, now: number): Release | undefined {
  const own = `${pid} ${now}`
  const release = (): void => rmSync(path, { force: true })
  if (create(path, own)) return release
  const holder = read(path)
  if (holder === undefined || isAtWork(path, holder, now)) return undefined
  // Who makes the claim on this one holder may replace it, so that nobody replaces a successor.
  const claim = `${path}.${holder.replace(' ', '.')}`
  if (!create(claim, own)) {
    if (now - statTime(claim) > LONGEST_TURN) rmSync(claim, { force: true })
    return undefined
  }
  try {
    if (read(path) !== holder) return undefined
    rmSync(path, { force: true })
    return create(path, own) ? release : undefined
  } finally {
    rmSync(claim, { force: true })
  }
}

/** Whether a living process has the turn. */
export function isTaken(path: string, now: number): boolean {
  const holder = read(path)
  return holder !== undefined && isAtWork(path, holder, now)
}

function create(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function isAtWork(path: string, holder: string, now: number): boolean {
  const [, holderPid, since] = /^(\d+) (\d+)$/.exec(holder) ?? []
  // Empty for the moment between the file and its text.
  if (!holderPid) return now - statTime(path) < 1000
  return Math.abs(now - Number(since)) <= LONGEST_TURN && isAlive(Number(holderPid))
}

function isAlive(holder: number): boolean {
  try {
    kill(holder, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return platform() !== 'linux' || !isZombie(holder)
}

// A killed process answers to signals until its parent has asked how it ended.
function isZombie(holder: number): boolean {
  try {
    return /\) [ZX] /.test(readFileSync(`/proc/${holder}/stat`, 'latin1'))
  } catch {
    return false
  }
}

function statTime(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0
}
