/** `serve` while it runs, in front of an emulated ECR, and a client of it. */

import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import { join } from 'node:path'
import { text as readText } from 'node:stream/consumers'
import { onTestFinished, vi } from 'vitest'
import type { World } from '../../src/commands/command.ts'
import { serve } from '../../src/commands/serve/serve.ts'
import type { Emulator } from '../emulator/emulator.ts'
import { temporaryFolder } from '../support/folder.ts'

export const NAME = 'docker.company.test'

export type Running = {
  readonly stop: () => void
  readonly exitCode: Promise<number>
  readonly events: readonly Record<string, unknown>[]
  /** The configuration's file. */
  readonly config: string
}

export type Circumstances = {
  readonly env?: Readonly<Record<string, string>> | undefined
  /** More keys of the configuration. */
  readonly config?: Readonly<Record<string, unknown>>
  readonly world?: Partial<World>
}

/** An AWS to log in to, and a store. The SDK reads the environment of the process. */
export function loggedIn(emulator: Emulator): { readonly env: Record<string, string> } {
  const env = { ...emulator.env('keys'), HOME: temporaryFolder() }
  Object.entries(env).forEach(([name, value]) => vi.stubEnv(name, value))
  onTestFinished(() => void vi.unstubAllEnvs())
  return { env }
}

/** `serve` in an environment whose configuration leads to the emulator. */
export function startServe(
  { registry: { host: registry, port } }: Emulator,
  args: readonly string[],
  { env, config: more, world }: Circumstances = {},
): Running {
  const stopping = new AbortController()
  const events: Record<string, unknown>[] = []
  const config = join(temporaryFolder(), 'config.json')
  const registries = { [NAME]: { registry, connect: `127.0.0.1:${port}` } }
  writeFileSync(config, JSON.stringify({ registries, ...more }))
  const exitCode = serve.run(args, {
    env: { ECR_CNAME_CONFIG: config, ...env },
    readInput: () => Buffer.of(),
    stdout: () => {},
    stdoutBytes: () => {},
    stderr: (text) => events.push(...toEvents(text)),
    stdoutIsTerminal: false,
    stderrColumns: undefined,
    ask: async () => undefined,
    now: () => Date.now(),
    random: () => Math.random(),
    after: (ms, act) => {
      const timer = setTimeout(act, ms)
      return () => clearTimeout(timer)
    },
    onHangup: () => {},
    self: [process.execPath, join(process.cwd(), 'src/main.ts')],
    stop: stopping.signal,
    ...world,
  })
  onTestFinished(async () => {
    stopping.abort()
    await exitCode.catch(() => {})
  })
  return { stop: () => stopping.abort(), exitCode, events, config }
}

// Lines of one moment may come together.
function toEvents(text: string): Record<string, unknown>[] {
  const lines = text.split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

/** As `startServe` on free ports, once it listens. */
export async function startServing(
  emulator: Emulator,
  args: readonly string[] = [],
  circumstances?: Circumstances,
): Promise<Running & { readonly port: number; readonly admin: string }> {
  const fixed = ['--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', ...args]
  const running = startServe(emulator, fixed, circumstances)
  const listening = await eventOf(running, 'listening')
  const [url = ''] = listening['listen'] as string[]
  return { ...running, port: Number(new URL(url).port), admin: String(listening['admin']) }
}

/** The first event of the log with a message, once there is one. */
export async function eventOf({ events, exitCode }: Running, message: string) {
  let failure: unknown
  exitCode.catch((error: unknown) => (failure = error))
  for (;;) {
    const event = events.find((one) => one['message'] === message)
    if (event) return event
    if (failure) throw failure
    await new Promise((resolve) => setImmediate(resolve))
  }
}

export type Asking = RequestOptions & { readonly body?: string }

/** One request to the sidecar, and its whole answer. */
export async function ask(port: number, path: string, { body, headers, ...rest }: Asking = {}) {
  const outgoing = httpsRequest({
    host: '127.0.0.1',
    port,
    servername: NAME,
    path,
    headers: { host: `${NAME}:${port}`, ...(headers as Record<string, string>) },
    ...rest,
  })
  outgoing.end(body)
  const [reply] = (await once(outgoing, 'response')) as [IncomingMessage]
  return { status: reply.statusCode, headers: reply.headers, text: await readText(reply) }
}
