/**
 * The small native helper: answers a `get` that the store can answer and hands everything else to
 * the full program. What it may use is in ARCHITECTURE.md; it runs unchanged on Node.
 */

import { spawn } from 'node:child_process'
import { closeSync, existsSync, readFileSync, writeSync } from 'node:fs'
import { findKept, type Kept, replyOf } from './answer.ts'
import { stageOf } from './entry.ts'
import { failureSince } from './failure.ts'
import { renewBehind } from './renewal.ts'
import { passTurn, takeTurn, turnOf } from './turn.ts'

const POLL_MS = 10
// As long as the full program waits for another one's mint.
const LONGEST_WAIT = 8500
// What a compiled program calls itself; on Node it is the path of Node.
const isNative = process.argv[0] === 'scriptc'

const args = process.argv.slice(2)

if (args.length === 1 && args[0] === 'get') get(readInput())
else handOver(Buffer.alloc(0), true, '')

function get(input: Buffer): void {
  const serverUrl = input.toString('utf8')
  const began = Date.now()
  for (;;) {
    const now = Date.now()
    const kept = findKept(serverUrl, process.env)
    if (kept === undefined) break
    const stage = stageOf(kept.entry, now)
    if (stage === 'fresh' || stage === 'aging') {
      answer(serverUrl, kept)
      if (stage === 'aging') renew(kept, now)
      return
    }
    const turn = turnOf(kept.file)
    const failure = failureSince(kept.file, began)
    if (failure !== undefined && stage === 'dead') {
      refuse(failure.message)
      return
    }
    if (failure !== undefined || now - began > LONGEST_WAIT) break
    try {
      if (takeTurn(turn, now)) {
        handOver(input, false, turn)
        return
      }
    } catch {
      // No lock can be made here, so nobody waits for anybody.
      break
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS)
  }
  handOver(input, false, '')
}

function answer(serverUrl: string, kept: Kept): void {
  write(1, replyOf(serverUrl, kept.entry.username, kept.entry.secret))
}

function refuse(line: string): void {
  write(1, `${line}\n`)
  write(2, `${line}\n`)
  process.exitCode = 1
}

function renew(kept: Kept, now: number): void {
  closeInherited()
  try {
    renewBehind(fullProgram(), ['renew', kept.entry.name], kept.file, now)
  } catch {
    // The next answer tries again.
  }
}

/** Runs the full program in this one's place; `turn` is the lock that it is given, if any. */
function handOver(input: Buffer, isInputOpen: boolean, turn: string): void {
  const full = fullProgram()
  const line = `docker-credential-ecr-cname: the full program, ecr-cname, is neither beside this one nor on PATH; install both`
  try {
    const child = isInputOpen
      ? spawn(full, ['credential-helper', ...args], { stdio: ['inherit', 'inherit', 'inherit'] })
      : spawn(full, ['credential-helper', ...args], { stdio: ['pipe', 'inherit', 'inherit'] })
    if (turn !== '') passTurn(turn, child.pid, Date.now())
    const onTerm = (): void => {
      child.kill('SIGTERM')
    }
    const onInt = (): void => {
      child.kill('SIGINT')
    }
    process.on('SIGTERM', onTerm)
    process.on('SIGINT', onInt)
    child.on('error', () => {
      refuse(line)
    })
    child.on('exit', (code: number | null, signal: NodeJS.Signals | null) => {
      if (code !== null) process.exitCode = code
      if (signal === null) return
      process.off('SIGTERM', onTerm)
      process.off('SIGINT', onInt)
      process.exitCode = 1
      process.kill(process.pid, signal)
    })
    if (!isInputOpen && child.stdin !== null) {
      child.stdin.on('error', () => {})
      child.stdin.write(input)
      child.stdin.end()
    }
  } catch {
    refuse(line)
  }
}

function fullProgram(): string {
  const folder = process.execPath.slice(0, process.execPath.lastIndexOf('/'))
  const beside = `${folder}/ecr-cname`
  return existsSync(beside) ? beside : 'ecr-cname'
}

// Node opens nothing that a child would inherit; a compiled program passes on what it was given.
function closeInherited(): void {
  if (!isNative) return
  for (let file = 3; file < 256; file++) {
    try {
      closeSync(file)
    } catch {
      // It was not open.
    }
  }
}

function readInput(): Buffer {
  try {
    return readFileSync(0)
  } catch {
    return Buffer.alloc(0)
  }
}

function write(file: number, text: string): void {
  let rest = Buffer.from(text)
  try {
    while (rest.length > 0) rest = rest.subarray(writeSync(file, rest))
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code !== 'EPIPE' && code !== 'EBADF') process.exitCode = 1
  }
}
