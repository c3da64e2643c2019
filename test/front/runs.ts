/** Runs a program on a case, and tells all that can be seen of it. */

import { execFileSync, spawn } from 'node:child_process'
import {
  closeSync,
  constants,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { eventually } from '../support/user.ts'
import type { Case } from './cases.ts'
import type { Program } from './programs.ts'
import { placeStandIn } from './stand-in.ts'

/** All that can be seen of a run. */
export type Sight = {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
  /** How the full program was called, if it was. */
  readonly handOver: string
  /** What was made of the store: path to content, of what is not as it was. */
  readonly changes: Readonly<Record<string, string>>
}

/** Makes what all runs of a case share: homes, a full program. */
export function prepare(folder: string, one: Case): void {
  for (const home of ['home', 'hömé \u{1f433}']) {
    mkdirSync(join(folder, home, '.aws'), { recursive: true })
    writeFileSync(join(folder, home, '.aws/credentials'), '')
  }
  for (const file of ['credentials', 'config', 'own.json']) writeFileSync(join(folder, file), file)
  mkdirSync(join(folder, 'bin'))
  placeStandIn(join(folder, one.isBeside ? 'bin' : 'path'), one.end)
}

/** Runs a program on a store of its own in a folder that was prepared. */
export async function runCase(folder: string, one: Case, program: Program): Promise<Sight> {
  for (const name of STORES) rmSync(join(folder, name), { recursive: true, force: true })
  const file = join(folder, 'bin/docker-credential-ecr-cname')
  rmSync(file, { force: true })
  linkSync(program.file, file)
  one.place(folder, Date.now())
  const before = treeOf(folder)
  const record = join(folder, 'record')
  rmSync(record, { force: true })
  const outcome = await start(folder, one, [file, ...program.args])
  // A renewal is on its own once its turn was passed to it.
  const isRenewing = () =>
    Object.entries(treeOf(folder)).some(
      ([path, text]) => before[path] !== text && /^file \d+ \d+ given$/.test(text),
    )
  if (isRenewing()) await eventually(() => existsSync(record))
  return { ...outcome, ...traces(folder, before) }
}

const STORES = ['home/.cache', 'hömé \u{1f433}/.cache', 'cache', 'own', 'ö \u{1f433}']

type Ended = Pick<Sight, 'exitCode' | 'signal' | 'stdout' | 'stderr'>

function start(folder: string, one: Case, command: readonly string[]): Promise<Ended> {
  const files = { stdin: inputFile(one), stdout: outputFile(folder, one) }
  const redirects = [one.input === 'closed' && '<&-', one.stdout === 'closed' && '>&-']
  const script = `exec "$0" "$@" ${redirects.filter(Boolean).join(' ')}`
  const [program = '', ...args] = redirects.some(Boolean)
    ? ['/bin/sh', '-c', script, ...command]
    : command
  const child = spawn(program, [...args, ...one.args], {
    cwd: folder,
    env: {
      PATH: `${folder}/path:/usr/bin:/bin`,
      RECORD: join(folder, 'record'),
      END: one.end,
      ...one.env(folder),
    },
    stdio: [files.stdin, files.stdout, 'pipe'],
  })
  for (const file of Object.values(files)) if (typeof file === 'number') closeSync(file)
  const texts = { stdout: '', stderr: '' }
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => (texts[name] += text))
  }
  // A program may end without reading.
  child.stdin?.on('error', () => {})
  child.stdin?.end(one.input)
  return new Promise((done, fail) => {
    child.on('error', fail)
    child.on('close', (exitCode, signal) => done({ exitCode, signal, ...texts }))
  })
}

function inputFile({ input }: Case): number | 'pipe' {
  if (input === 'a folder') return openSync('/', constants.O_RDONLY)
  return input === '/dev/null' ? openSync(input, constants.O_RDONLY) : 'pipe'
}

function outputFile(folder: string, { stdout }: Case): number | 'pipe' {
  if (stdout === 'full') return openSync('/dev/full', constants.O_WRONLY)
  return stdout === 'a pipe that nobody reads' ? brokenPipe(folder) : 'pipe'
}

/** The end of a pipe that nobody reads. */
export function brokenPipe(folder: string): number {
  const path = join(folder, 'pipe')
  if (!existsSync(path)) execFileSync('mkfifo', [path])
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const writer = openSync(path, constants.O_WRONLY)
  closeSync(reader)
  return writer
}

function traces(
  folder: string,
  before: Readonly<Record<string, string>>,
): Pick<Sight, 'handOver' | 'changes'> {
  const record = join(folder, 'record')
  const handOver = existsSync(record) ? readFileSync(record, 'latin1') : ''
  const [, pid = ''] = /^pid (\d+)\n/.exec(handOver) ?? []
  const after = treeOf(folder)
  const changed = [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((path) => before[path] !== after[path])
    .map((path) => [path, withoutProcess(after[path] ?? 'gone', pid)])
  const session = new RegExp(`^session ${pid}$`, 'm')
  return {
    handOver: handOver
      .replace(session, 'a session of its own')
      .replace(/^session \d+$/m, "the caller's session")
      .replace(/^pid .*\n/, ''),
    changes: Object.fromEntries(changed) as Record<string, string>,
  }
}

/** Processes and times are of one run. */
function withoutProcess(text: string, full: string): string {
  return text.replace(
    /^file (\d+) \d+( given)?$/,
    (_, pid: string, given = '') =>
      `file ${pid === full ? 'of the full program' : 'of another'}${given}`,
  )
}

function treeOf(folder: string): Record<string, string> {
  const tree: Record<string, string> = {}
  const add = (path: string) => {
    const facts = lstatSync(join(folder, path), { throwIfNoEntry: false })
    if (!facts) return
    const mode = (facts.mode & 0o7777).toString(8)
    if (facts.isDirectory()) {
      tree[path] = `folder ${mode}`
      for (const name of readdirSync(join(folder, path))) add(join(path, name))
    } else if (facts.isSymbolicLink()) tree[path] = `link ${readlinkSync(join(folder, path))}`
    else if (!facts.isFile()) tree[path] = `other ${mode}`
    else tree[path] = `file ${readFileSync(join(folder, path), 'latin1')}`
  }
  for (const name of STORES) add(name)
  return tree
}
