/** The program: hands the world to a command. The only file that says `process`. */

import { readSync, writeSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename } from 'node:path'
import { isSea } from 'node:sea'
import type { World } from './commands/command.ts'
import { findKept, replyOf } from './front/answer.ts'
import { stageOf } from './front/entry.ts'

const args = process.argv.slice(2)
const environment = completed(process.env)
// The name it was started under, packed or as a script.
const name = basename(process.argv[1] ?? '').replace(/\.exe$/i, '')
const isHelper = name === 'docker-credential-ecr-cname'
let read: Buffer | undefined
let stopping: AbortController | undefined
let isHangupMeant = false

void start().then((code) => {
  // Everything was written whole; what is still open belongs to a call that was given up.
  process.exit(code)
})

async function start(): Promise<number> {
  // The small native helper hands over as `credential-helper get`.
  const asked = args[0] === 'credential-helper' ? args.slice(1) : args
  if (asked.length === 1 && asked[0] === 'get') {
    const serverUrl = input().toString('utf8')
    const kept = findKept(serverUrl, environment)
    if (kept && stageOf(kept.entry, Date.now()) === 'fresh') {
      write(1, replyOf(serverUrl, kept.entry.username, kept.entry.secret))
      return 0
    }
  }
  if (isHelper || asked !== args) {
    const { runHelper } = await import('./commands/helper.ts')
    return await runHelper(asked, world())
  }
  // Past the table of all commands, which would take longer to load.
  if (args[0] === 'pull' || args[0] === 'push') {
    const { runImages } = await import('./commands/images/run.ts')
    return await runImages(args, world())
  }
  const { run } = await import('./commands/run.ts')
  return await run(args, world())
}

function world(): World {
  return {
    env: environment,
    readInput: input,
    stdout: (text) => write(1, text),
    stdoutBytes: (bytes) =>
      write(1, bytes, (error) => {
        throw error
      }),
    stderr: (text) => write(2, text),
    // A look at process.stdout loads what it is made of.
    get stdoutIsTerminal() {
      return process.stdout.isTTY
    },
    get stderrColumns() {
      return process.stderr.isTTY ? process.stderr.columns : undefined
    },
    get stderrRows() {
      return process.stderr.isTTY ? process.stderr.rows : undefined
    },
    ask,
    now: () => Date.now(),
    random: () => Math.random(),
    after: (ms, act) => {
      const timer = setTimeout(act, ms)
      return () => clearTimeout(timer)
    },
    onHangup: (act) => {
      isHangupMeant = true
      process.on('SIGHUP', act)
    },
    self: self(),
    get parent() {
      return process.send && parent()
    },
    // Listened for only by commands that look: all others end as the system ends them.
    get stop() {
      return stopSignal()
    },
  }
}

function parent(): NonNullable<World['parent']> {
  return {
    send: (message) => process.send?.(message),
    onMessage: (act) => process.on('message', act),
    gone: new Promise((resolve) => process.once('disconnect', resolve)),
  }
}

async function ask(question: string): Promise<string | undefined> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined
  const { createInterface } = await import('node:readline')
  const signal = stopSignal()
  let isAnswered = false
  return await new Promise((resolve) => {
    // Without its own editing, so that Ctrl-C is the signal that it is elsewhere.
    const lines = createInterface({ input: process.stdin, terminal: false, signal })
    // The end of input, or Ctrl-C, and no answer: what is said next begins a line.
    lines.once('close', () => {
      if (!isAnswered) write(2, '\n')
      resolve(signal.aborted ? undefined : '')
    })
    lines.once('line', (line) => {
      isAnswered = true
      resolve(line)
      lines.close()
    })
    write(2, question)
  })
}

// Where there is no HOME the AWS SDK asks the user database for it; said aloud here, because the
// identity of a token follows the files that the SDK reads.
function completed(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  if (env['HOME'] || env['USERPROFILE']) return env
  const home = userHome()
  return {
    ...env,
    AWS_SHARED_CREDENTIALS_FILE: env['AWS_SHARED_CREDENTIALS_FILE'] || `${home}/.aws/credentials`,
    AWS_CONFIG_FILE: env['AWS_CONFIG_FILE'] || `${home}/.aws/config`,
  }
}

function userHome(): string {
  try {
    return homedir()
  } catch {
    return ''
  }
}

function stopSignal(): AbortSignal {
  if (stopping) return stopping.signal
  const controller = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => controller.abort())
  }
  // Of a terminal that is closed, by its shell and by the system; some commands read anew at it.
  process.on('SIGHUP', () => {
    if (!isHangupMeant) controller.abort()
  })
  stopping = controller
  return controller.signal
}

// A packed binary is its own script; as a script, Node and its flags come first.
function self(): readonly [string, ...string[]] {
  if (isSea()) return [process.execPath]
  return [process.execPath, ...process.execArgv, process.argv[1] ?? '']
}

/** All of stdin, up to a little more than any verb takes. */
function input(): Buffer {
  if (read) return read
  const chunks: Buffer[] = []
  let size = 0
  while (size <= 2 * 1024 * 1024) {
    const chunk = Buffer.alloc(64 * 1024)
    const length = readSome(chunk)
    if (length === 0) break
    chunks.push(chunk.subarray(0, length))
    size += length
  }
  read = Buffer.concat(chunks)
  return read
}

function readSome(chunk: Buffer): number {
  for (;;) {
    try {
      return readSync(0, chunk)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'EAGAIN') return 0
      pause()
    }
  }
}

function write(file: 1 | 2, output: string | Uint8Array, fail = unwritten): void {
  let rest: Uint8Array = typeof output === 'string' ? Buffer.from(output) : output
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(file, rest))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'EAGAIN') return fail(error as NodeJS.ErrnoException, file)
      pause()
    }
  }
}

// What is under way matters more than what is told of it: a terminal may be gone. A caller that closed
// its end has what it wanted.
function unwritten({ code }: NodeJS.ErrnoException, file: 1 | 2): void {
  if (file === 2 || code === 'EPIPE') return
  write(2, `the answer can't be written to stdout (${code})\n`)
  process.exit(1)
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
}
