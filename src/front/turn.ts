/** One process at a time: a lock file that names its holder, and that the dead do not keep. */

import { closeSync, constants, openSync, renameSync, unlinkSync, writeSync } from 'node:fs'
import process from 'node:process'
import { readSmall, writtenAt } from './files.ts'

// No holder works for longer; one that seems to is another machine's, or hangs.
const LONGEST_TURN = 15_000
// A turn that was handed over and that its new holder has not taken up yet.
const GIVEN = ' given'

/** The turn to renew the token in a file. */
export function turnOf(tokenFile: string): string {
  return `${tokenFile}.lock`
}

/**
 * Takes a turn; false while a living process has it. A turn whose holder was killed goes to
 * exactly one of those who ask. Throws what node:fs throws where no file can be made.
 */
export function takeTurn(path: string, now: number): boolean {
  const own = `${process.pid} ${now}`
  if (create(path, own)) return true
  const holder = readSmall(path)
  if (holder.endsWith(GIVEN) && holderOf(holder) === process.pid) {
    put(path, own)
    return true
  }
  if (!isLeft(path, holder, now)) return false
  // Who makes the claim on this one holder may replace it, so that nobody replaces a successor.
  const claim = `${path}.${fileSafe(holder)}`
  if (!create(claim, own)) {
    // Who made it may have been killed as well.
    if (isLeft(claim, readSmall(claim), now)) remove(claim)
    return false
  }
  let isMine = false
  if (readSmall(path) === holder && isLeft(path, holder, now)) {
    remove(path)
    isMine = create(path, own)
  }
  remove(claim)
  return isMine
}

/**
 * Hands a turn that was taken to a process that was started, which finds it to be its own; ends it
 * where there is no such process or where that can't be written.
 */
export function passTurn(path: string, pid: number | undefined, now: number): void {
  try {
    if (pid === undefined) remove(path)
    else put(path, `${pid} ${now}${GIVEN}`)
  } catch {
    remove(path)
  }
}

/** Gives a turn back. */
export function endTurn(path: string): void {
  remove(path)
}

/** Whether a living process has the turn. */
export function isTaken(path: string, now: number): boolean {
  return writtenAt(path) !== 0 && isAtWork(path, readSmall(path), now)
}

function put(path: string, text: string): void {
  const draft = `${path}.${process.pid}`
  remove(draft)
  if (create(draft, text)) renameSync(draft, path)
}

function create(path: string, text: string): boolean {
  let file: number
  try {
    file = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
  try {
    writeSync(file, text)
    return true
  } catch (error) {
    remove(path)
    throw error
  } finally {
    closeSync(file)
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // Another one was faster.
  }
}

// A file that is gone is nobody's to replace: it was given back, and is made anew like the first.
function isLeft(path: string, holder: string, now: number): boolean {
  return writtenAt(path) !== 0 && !isAtWork(path, holder, now)
}

function isAtWork(path: string, holder: string, now: number): boolean {
  const pid = holderOf(holder)
  // Empty for the moment between the file and its text.
  if (pid === 0) return now - writtenAt(path) < 1000
  const since = Number(holder.split(' ')[1])
  return Math.abs(now - since) <= LONGEST_TURN && isAlive(pid)
}

function holderOf(holder: string): number {
  return /^[0-9]+ [0-9]+( given)?$/.test(holder) ? Number(holder.split(' ')[0]) : 0
}

function fileSafe(holder: string): string {
  return holderOf(holder) === 0 ? 'rubbish' : holder.replace(/ /g, '.')
}

// A killed process answers to signals until its parent has asked how it ended.
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false
  }
  return !/\) [ZX] /.test(readProcess(pid))
}

function readProcess(pid: number): string {
  return readSmall(`/proc/${pid}/stat`)
}
