/** `serve --workers` as real processes. Who they are is read from /proc. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { type AddressInfo, createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { connect } from 'node:tls'
import { hashSync } from 'bcryptjs'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { Emulator } from '../emulator/emulator.ts'
import { temporaryFolder } from '../support/folder.ts'
import { ECR_CNAME } from '../support/program.ts'
import { eventually, mints } from '../support/user.ts'
import { startTrustedEmulator } from '../support/trust.ts'
import { ask, NAME } from './running.ts'

let emulator: Emulator
beforeAll(async () => {
  emulator = await startTrustedEmulator()
})
afterAll(async () => {
  await emulator.close()
})
beforeEach(() => {
  emulator.calls.length = 0
})

const SOURCES = [process.execPath, resolve('src/main.ts')] as const
// It is there the soonest.
const PACKED = [ECR_CNAME] as const

type Event = Readonly<Record<string, unknown>>

/** The program itself with two workers, in front of the emulator. */
function start(
  args: readonly string[] = [],
  command: readonly [string, ...string[]] = PACKED,
  name = NAME,
) {
  const folder = temporaryFolder()
  const { certFile, keyFile } = emulator.certificate([NAME])
  copyFileSync(certFile, join(folder, 'cert.pem'))
  copyFileSync(keyFile, join(folder, 'key.pem'))
  const { host: registry, port } = emulator.registry
  const registries = { [name]: { registry, connect: `127.0.0.1:${port}` } }
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ registries }))
  const pair = ['--tls-cert', join(folder, 'cert.pem'), '--tls-key', join(folder, 'key.pem')]
  const fixed = ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--workers', '2']
  const [program, ...leading] = command
  const child = spawn(program, [...leading, 'serve', ...fixed, ...pair, ...args], {
    env: {
      ...emulator.env('keys'),
      HOME: folder,
      ECR_CNAME_CONFIG: join(folder, 'config.json'),
    },
    stdio: ['ignore', 'ignore', 'pipe'],
    // A group of its own, as of a shell's job.
    detached: true,
  })
  const lines: string[] = []
  createInterface({ input: child.stderr }).on('line', (line) => lines.push(line))
  const ended = once(child, 'close').then(([code]) => code as number | null)
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return { child, lines, ended, folder }
}

type Started = ReturnType<typeof start>

async function eventOf({ lines }: Started, message: string): Promise<Event> {
  let event: Event | undefined
  await eventually(() => {
    const events = lines.map((line) => JSON.parse(line) as Event)
    event = events.find((one) => one['message'] === message)
    return event !== undefined
  })
  return event ?? {}
}

/** As `start`, once it listens. */
async function startListening(...given: Parameters<typeof start>) {
  const started = start(...given)
  const listening = await eventOf(started, 'listening')
  const [url = ''] = listening['listen'] as string[]
  return { ...started, listening, port: Number(new URL(url).port) }
}

function childrenOf({ pid = 0 }: ChildProcess): readonly number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return text.trim().split(' ').filter(Boolean).map(Number)
}

/** Not there any more, or waiting for nothing but to be told of. */
function isGone(pid: number): boolean {
  try {
    return /^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return true
  }
}

async function certificateOf(port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', servername: NAME })
  await once(socket, 'secureConnect')
  const { fingerprint256 } = socket.getPeerCertificate()
  socket.destroy()
  return fingerprint256
}

/** An upload of which the first half is on its way. */
async function beginUpload(port: number) {
  const outgoing = httpsRequest({
    host: '127.0.0.1',
    port,
    servername: NAME,
    method: 'PATCH',
    path: '/v2/team/app/blobs/uploads/none',
    headers: { host: NAME, expect: '100-continue', 'transfer-encoding': 'chunked' },
  })
  outgoing.flushHeaders()
  await once(outgoing, 'continue')
  // Cut, it is without an answer.
  const answer = once(outgoing, 'response').catch(() => [])
  return async () => {
    outgoing.end('the rest')
    const [reply] = (await answer) as [IncomingMessage?]
    reply?.resume()
    return reply?.statusCode
  }
}

describe('serve --workers 2', () => {
  it.each([
    ['from its sources', SOURCES],
    ['packed', PACKED],
    ['of npm', [process.execPath, resolve('dist/lib/cli.cjs')]],
  ] as const)('is one sidecar of several processes: %s', async (_, command) => {
    const { child, port, lines, listening } = await startListening([], [...command])
    expect(listening).toMatchObject({ workers: 2, registries: { [NAME]: emulator.registry.host } })
    expect(childrenOf(child)).toHaveLength(2)
    expect(await ask(port, '/v2/')).toMatchObject({ status: 401 })
    const { admin } = listening
    expect((await fetch(`${String(admin)}/healthz`)).status).toBe(200)
    await eventually(() => lines.length === 2)
    expect(JSON.parse(lines[1] ?? '')).toMatchObject({ message: 'request', status: 401 })
  })

  it('replaces a worker that dies, tells of it, and serves meanwhile', async () => {
    const started = await startListening()
    const [first = 0, second = 0] = childrenOf(started.child)
    process.kill(first, 'SIGKILL')
    expect(await eventOf(started, 'a worker ended; another takes its place')).toMatchObject({
      level: 'error',
      pid: first,
      by: 'SIGKILL',
    })
    expect(await ask(started.port, '/healthz')).toMatchObject({ status: 200 })
    const { pid } = await eventOf(started, 'a worker took the place of one that ended')
    expect(childrenOf(started.child)).toEqual([second, pid])
  })

  it('leaves no worker behind, however it ends', async () => {
    const { child } = await startListening()
    const workers = childrenOf(child)
    child.kill('SIGKILL')
    await eventually(() => workers.every(isGone))
  })

  it.each([
    ['SIGTERM to it alone', (child: ChildProcess) => child.kill('SIGTERM')],
    ['SIGTERM to all', ({ pid = 0 }: ChildProcess) => process.kill(-pid, 'SIGTERM')],
    ['SIGINT to all', ({ pid = 0 }: ChildProcess) => process.kill(-pid, 'SIGINT')],
  ])('ends with 0 when what is under way is done: %s', async (_, signal) => {
    const started = await startListening()
    const finish = await Promise.all([1, 2, 3, 4].map(() => beginUpload(started.port)))
    signal(started.child)
    await eventOf(started, 'stopping')
    await eventually(() => isRefusing(started.port))
    const statuses = await Promise.all(finish.map((one) => one()))
    expect(statuses).toEqual([401, 401, 401, 401])
    expect(await started.ended).toBe(0)
    expect(started.lines.join('\n')).not.toMatch(/a worker ended/)
  })

  it('cuts what is under way when its time is over', async () => {
    const started = await startListening(['--drain', '0'])
    const finish = await beginUpload(started.port)
    started.child.kill('SIGTERM')
    expect(await started.ended).toBe(0)
    expect(await finish()).toBeUndefined()
  })

  it('has every worker read anew on SIGHUP, even to all, and says so once', async () => {
    const started = await startListening()
    const old = await certificateOf(started.port)
    const { certFile, keyFile } = emulator.certificate([NAME, 'other.test'])
    copyFileSync(keyFile, join(started.folder, 'key.pem'))
    copyFileSync(certFile, join(started.folder, 'cert.pem'))
    process.kill(-(started.child.pid ?? 0), 'SIGHUP')
    await eventOf(started, 'read anew')
    let shown: readonly string[] = []
    for (let tries = 0; tries < 100 && !(shown.length > 0 && !shown.includes(old)); tries++) {
      shown = await Promise.all([1, 2, 3, 4].map(() => certificateOf(started.port)))
    }
    expect(new Set(shown).size).toBe(1)
    expect(shown).not.toContain(old)
    expect(started.lines.filter((line) => line.includes('read anew'))).toHaveLength(1)
    expect(childrenOf(started.child)).toHaveLength(2)
  })

  it.each([NAME, '*.company.test'])('logs in to ECR once for all workers: %s', async (name) => {
    const { port } = await startListening(['--auth', 'inject'], PACKED, name)
    const paths = Array.from({ length: 8 }, () => '/v2/team/app/tags/list')
    const answers = await Promise.all(paths.map((path) => ask(port, path)))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect(mints(emulator)).toBe(1)
  })

  it.each([
    ['from its sources', SOURCES],
    ['packed', PACKED],
  ] as const)('checks passwords: %s', async (_, command) => {
    const file = join(temporaryFolder(), 'htpasswd')
    writeFileSync(file, `alice:${hashSync('secret', 4)}\n`)
    const args = ['--auth', 'inject', '--clients', file]
    const { port } = await startListening(args, [...command])
    const login = (password: string) => ({
      headers: { authorization: `Basic ${btoa(`alice:${password}`)}` },
    })
    expect(await ask(port, '/v2/', login('secret'))).toMatchObject({ status: 200 })
    expect(await ask(port, '/v2/', login('wrong'))).toMatchObject({ status: 401 })
  })

  it.each([
    ['a certificate is broken', ['--tls-cert', '/dev/null', '--tls-key', '/dev/null'], /no certif/],
    ['there are too many', ['--workers', '9999'], /workers: expected at most \d+ on this machine/],
  ])('does not begin, and says why in one line, when %s', async (_, args, message) => {
    const started = start(args)
    expect(await started.ended).toBe(1)
    expect(started.lines).toEqual([expect.stringMatching(message)])
  })

  it('does not begin where its port is in use, and leaves no worker', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    onTestFinished(() => void taken.close())
    const address = `127.0.0.1:${(taken.address() as AddressInfo).port}`
    const started = start(['--listen', address])
    expect(await started.ended).toBe(1)
    expect(started.lines).toEqual([
      `ecr-cname: can't listen on ${address}: the port is in use; stop what uses it, or name another`,
    ])
  })
})

let refused = false
/** Whether new connections are; asked anew at each call, answered at the next. */
function isRefusing(port: number): boolean {
  const socket = connect({ port, host: '127.0.0.1', servername: NAME })
  socket.once('secureConnect', () => {
    refused = false
    socket.destroy()
  })
  socket.once('error', ({ message }) => (refused = message.includes('ECONNREFUSED')))
  return refused
}
