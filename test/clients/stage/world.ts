/**
 * A machine of the test's own, in Linux namespaces: real clients find there the ports 53 and 443, `/etc/docker` and
 * `/etc/resolv.conf` as the test wants them, and the machine outside never notices. `/run`, and whatever is written
 * below `/etc` and `/usr/local`, is memory that goes with the world. Needs root.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

export type Finished = {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export type RunOptions = {
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string
}

/** A server. */
export type Started = {
  readonly signal: (signal: 'TERM' | 'HUP') => Promise<void>
  /** Its exit code, once it has ended. */
  readonly ended: Promise<number | null>
}

/** Its words; as one text where none of them holds a space. */
export type Command = string | readonly string[]

export type World = {
  /** The process id of its first process, as the machine outside counts. */
  readonly pid: number
  /** A file of the world, as it is called outside. */
  readonly outside: (file: string) => string
  /** Runs a command to its end, whatever that is. */
  readonly run: (command: Command, options?: RunOptions) => Promise<Finished>
  /** Runs a command that has to succeed; its standard output. */
  readonly succeed: (command: Command, options?: RunOptions) => Promise<string>
  /** Starts a server, which ends with the world; what it says is kept in `/run/log/<name>`. */
  readonly start: (name: string, command: Command, options?: RunOptions) => Promise<Started>
  readonly write: (file: string, content: string) => Promise<void>
  readonly read: (file: string) => Promise<string>
  /** The last lines of what the servers said. */
  readonly logs: () => Promise<string>
  readonly end: () => Promise<void>
}

const NAMESPACES = ['--mount', '--net', '--pid', '--uts', '--ipc']
const FIRST_PROCESS = fileURLToPath(new URL('world.sh', import.meta.url))
// `nsenter` hands no signal on.
const NOTING_ITS_ID = ['sh', '-c', 'echo $$ >"$0"; exec "$@"']
const LONGEST_RUN_MS = 60_000

/** First on the PATH of everyone in the world; empty until something is installed there. */
export const BIN = '/run/bin'

// Nothing of the tester's own: AWS, Docker and proxy variables would change what the clients do.
const ENVIRONMENT = {
  PATH: `${BIN}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
  HOME: '/run/home',
  TMPDIR: '/run/tmp',
}

export async function startWorld(): Promise<World> {
  const init = spawn('unshare', [...NAMESPACES, '--fork', '--kill-child', 'sh', FIRST_PROCESS], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const pid = await firstLine(init.stdout)
  const outside = (file: string) => join('/proc', pid, 'root', file)

  const enter = (command: Command, { env, stdin }: RunOptions = {}) => {
    const child = spawn('nsenter', ['--target', pid, ...NAMESPACES, '--', ...toWords(command)], {
      env: { ...ENVIRONMENT, ...env },
      cwd: '/',
    })
    // A command may end without having read all of it.
    child.stdin.on('error', () => {}).end(stdin)
    return child
  }
  const write = async (file: string, content: string) => {
    await mkdir(dirname(outside(file)), { recursive: true })
    await writeFile(outside(file), content)
  }
  const run = async (command: Command, options?: RunOptions): Promise<Finished> => {
    const child = enter(command, options)
    const timer = setTimeout(() => child.kill('SIGKILL'), LONGEST_RUN_MS)
    const [stdout, stderr] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ])
    clearTimeout(timer)
    return { code: child.exitCode, stdout, stderr }
  }
  const succeed = async (command: Command, options?: RunOptions): Promise<string> => {
    const { code, stdout, stderr } = await run(command, options)
    if (code === 0) return stdout
    throw new Error(`${toWords(command).join(' ')} ended with ${code}\n${stdout}${stderr}`)
  }
  const read = (file: string) => readFile(outside(file), 'utf8')

  return {
    pid: Number(pid),
    outside,
    run,
    succeed,
    start: async (name, command, options) => {
      await mkdir(outside('/run/log'), { recursive: true })
      await mkdir(outside('/run/pid'), { recursive: true })
      const sink = createWriteStream(outside(`/run/log/${name}`))
      const child = enter([...NOTING_ITS_ID, `/run/pid/${name}`, ...toWords(command)], options)
      child.stdout.pipe(sink)
      child.stderr.pipe(sink)
      return {
        signal: async (signal) => {
          await succeed(['kill', `-${signal}`, (await read(`/run/pid/${name}`)).trim()])
        },
        ended: once(child, 'exit').then(() => child.exitCode),
      }
    },
    write,
    read,
    logs: async () => (await run(['sh', '-c', 'tail -n 8 /run/log/* | cut -c-200'])).stdout,
    end: async () => {
      const closed = once(init, 'close')
      init.stdin.end()
      await closed
    },
  }
}

function toWords(command: Command): readonly string[] {
  return typeof command === 'string' ? command.split(/\s+/) : command
}

async function firstLine(stream: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input: stream })) return line
  throw new Error('the namespaces could not be made; the reason stands above')
}
