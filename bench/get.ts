/**
 * A `get` by this helper beside the Go one, an empty program, and Node with an empty script: with
 * a token in the store and with none, from three places of credentials, against the emulator in
 * this process.
 *
 *     npm run build && node bench/get.ts [rounds]
 *
 * Takes Linux and gcc, which makes the empty program and the stopwatch, and for the peer Go with
 * its module proxy, else Debian's package of it; without both, the peer's rows are missing.
 *
 * Everything runs in turn within a round, for the machine's speed drifts; ratios are medians of
 * the ratios within the rounds. A small C program starts the others, as Docker does: no shell,
 * stdin a file, stdout a pipe that is read to its end. Each answer and each mint is counted, so
 * that nothing wrong is fast.
 */

import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Emulator, startEmulator } from '../test/emulator/emulator.ts'
import { type Contender, expireTokens, toContenders } from './contenders.ts'
import { median } from './figures.ts'
import { contendersTable, type Figures, goalsTable, heading, type Herd } from './get-report.ts'
import { fetchPeer } from './peer.ts'
import { compile, makeStopwatch, type Run, type Stopwatch, type Taken } from './stopwatch.ts'

const REGISTRY = '123456789012.dkr.ecr.us-east-1.amazonaws.com'
const ROUNDS = Number(process.argv[2] ?? 25)
// Without a clock, until files are in memory and the emulator's own code is compiled.
const WARM_UPS = 3
const HERDS = 5
const AT_ONCE = 100
/** The token alone; the answers are somewhat longer. */
const SHORTEST_ANSWER = 2400

const front = resolve('dist/docker-credential-ecr-cname')
const full = resolve('dist/ecr-cname')
if (!existsSync(front) || !existsSync(full)) throw new Error('dist is not built: npm run build')

const folder = mkdtempSync(join(tmpdir(), 'ecr-cname-bench-'))
const emulator = await startEmulator()
try {
  await main()
} finally {
  await emulator.close()
  rmSync(folder, { recursive: true, force: true })
}

async function main(): Promise<void> {
  const peer = fetchPeer()
  const watch = makeStopwatch(folder, REGISTRY)
  const empty = compile('empty', folder)
  const programs = { empty, node: process.execPath, front, full, peer: peer?.program }
  const contenders = toContenders(programs, emulator, folder)
  const load = loadavg()[0] ?? 0
  const figures = await race(contenders, watch)
  const herd = await stampede(watch)
  const text = [
    heading({ rounds: ROUNDS, load, peer: peer?.version }),
    contendersTable(figures),
    goalsTable(figures, herd),
  ]
  process.stdout.write(text.join('\n'))
}

/** Every contender's figures, round by round. */
async function race(contenders: readonly Contender[], watch: Stopwatch): Promise<Figures> {
  const rounds = new Map<Contender, Taken[]>(contenders.map((contender) => [contender, []]))
  for (let round = -WARM_UPS; round < ROUNDS; round++) {
    for (const [contender, taken] of rounds) {
      const { command, times, env, get } = contender
      const run = { command, times, env: env(round) }
      const mints = get === undefined || (get.isWarm && round > -WARM_UPS) ? 0 : 1
      const runs = await checked(watch, run, mints, get ? SHORTEST_ANSWER : 0)
      if (round >= 0) taken.push(middleOf(runs))
    }
  }
  return rounds
}

/** Many at once on a token that has ended, beside a single one; by the front. */
async function stampede(watch: Stopwatch): Promise<Herd> {
  const store = join(folder, 'herd')
  mkdirSync(store)
  const env = { ...emulator.env('keys'), ECR_CNAME_HOME: store }
  const run = { command: [front, 'get'], env } as const
  await checked(watch, run, 1, SHORTEST_ANSWER)
  const herds: { one: Taken; all: Taken }[] = []
  for (let round = 0; round < HERDS; round++) {
    const [one, all] = [[], []] as [Taken[], Taken[]]
    for (const [atOnce, taken] of [
      [1, one],
      [AT_ONCE, all],
    ] as const) {
      expireTokens(store)
      taken.push(...(await checked(watch, { ...run, atOnce }, 1, SHORTEST_ANSWER)))
    }
    herds.push({ one: middleOf(one), all: middleOf(all) })
  }
  return { atOnce: AT_ONCE, mints: 1, rounds: herds }
}

/** Runs, and sees to it that every one succeeded, that it answered, and who minted. */
async function checked(
  watch: Stopwatch,
  run: Run,
  mints: number,
  shortest: number,
): Promise<readonly Taken[]> {
  emulator.calls.length = 0
  const runs = await watch(run)
  const { atOnce = 1 } = run
  const minted = mintsOf(emulator)
  const isRight = runs.every(
    ({ succeeded, bytes }) => succeeded === atOnce && bytes >= shortest * atOnce,
  )
  if (isRight && minted === mints) return runs
  throw new Error(`${run.command.join(' ')}: ${JSON.stringify({ runs, minted, mints })}`)
}

function mintsOf({ calls }: Emulator): number {
  return calls.filter(({ operation }) => operation === 'GetAuthorizationToken').length
}

function middleOf(runs: readonly Taken[]): Taken {
  const middle = (figure: keyof Taken) => median(runs.map((run) => run[figure]))
  return {
    wall: middle('wall'),
    cpu: middle('cpu'),
    peak: middle('peak'),
    succeeded: middle('succeeded'),
    bytes: middle('bytes'),
  }
}
