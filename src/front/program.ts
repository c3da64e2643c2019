/**
 * The small native helper: answers a `get` that the store can answer and hands everything else to
 * the full program. What it may use is in ARCHITECTURE.md; it runs unchanged on Node.
 */

import { spawn } from 'node:child_process'
import { closeSync, existsSync, readFileSync, writeSync } from 'node:fs'
import { findKept, type Kept, replyOf } from './answer.ts'
import { readEntry, type Stage, stageOf } from './entry.ts'
import { failureFile, failureSince } from './failure.ts'
import { writtenAt } from './files.ts'
import { renewBehind } from './renewal.ts'
import { endTurn, passTurn, takeTurn, turnOf } from './turn.ts'

const POLL_MS = 10
const GLANCES = 10
const nap = new Int32Array(new SharedArrayBuffer(4))
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
    if (failure !== undefined) break
    if (now - began > LONGEST_WAIT) {
      giveUp(serverUrl, kept, stage)
      return
    }
    try {
      if (takeTurn(turn, now)) {
        if (isAsBefore(kept)) {
          handOver(input, false, turn)
          return
        }
        endTurn(turn)
        continue
      }
    } catch {
      // No lock can be made here, so nobody waits for anybody.
      break
    }
    awaitChange(kept.file)
  }
  handOver(input, false, '')
}

// Between the look at a token and the turn to mint, another one may have minted.
function isAsBefore({ file, entry }: Kept): boolean {
  return readEntry(file, entry.name, entry.identity)?.expiresAt === entry.expiresAt
}

// A hundred that look closely every time leave no processor to the one that mints. One that was
// killed changes no file, so after some glances all is looked at again.
function awaitChange(tokenFile: string): void {
  const before = changesOf(tokenFile)
  for (let glances = 0; glances < GLANCES; glances++) {
    Atomics.wait(nap, 0, 0, POLL_MS)
    if (changesOf(tokenFile) !== before) return
  }
}

function changesOf(tokenFile: string): string {
  const files = [tokenFile, turnOf(tokenFile), failureFile(tokenFile)]
  return files.map((file) => writtenAt(file)).join(' ')
}

function answer(serverUrl: string, kept: Kept): void {
  write(1, replyOf(serverUrl, kept.entry.username, kept.entry.secret))
}

// The full program would wait once more, and clients were promised an end within ten seconds.
function giveUp(serverUrl: string, kept: Kept, stage: Stage): void {
  const line = `${kept.entry.name}: waited too long for another process to mint; try again`
  if (stage === 'dead') {
    refuse(line)
    return
  }
  answer(serverUrl, kept)
  write(2, `the token ends soon and was not renewed: ${line}\n`)
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
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(file, rest))
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code
      if (code === 'EAGAIN') {
        Atomics.wait(nap, 0, 0, POLL_MS)
        continue
      }
      // A caller that closed its end has what it wanted.
      if (code === 'EPIPE' || code === 'EBADF') return
      process.exitCode = 1
      if (file === 1) write(2, `the answer can't be written to stdout (${code})\n`)
      return
    }
  }
}
