/**
 * The sidecar beside nginx and Caddy, as TLS reverse proxies with the same certificate and as many
 * workers in front of the same upstream: manifests a second, a blob of 1 GiB down and up, memory.
 * Rounds are taken in turn; ratios are medians of those within a round, for the machine's speed
 * drifts. Prints a table.
 *
 *     apt-get install -y --no-install-recommends nginx caddy wrk curl
 *     npm run bench:sidecar -- [--workers N] [--quick]
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { median, ratio, table } from './figures.ts'
import { type Load, load, openIdle, transfer, type Transfer } from './loads.ts'
import { isInstalled, openSite, type Proxy, type Site } from './proxies.ts'

const { values } = parseArgs({
  options: {
    workers: { type: 'string', default: '2' },
    quick: { type: 'boolean', default: false },
  },
})
const ROUNDS = values.quick ? 1 : 5
// Sixteen GiB take a while.
const LONG_ROUNDS = 1
const STREAMS = 16
const SECONDS = values.quick ? 2 : 5
const [SIZE, BYTES] = values.quick ? ['64 MiB', 64 * 1024 ** 2] : ['1 GiB', 1024 ** 3]

/** What was measured of the sidecar, nginx and Caddy, round by round. */
type Rounds<T> = readonly (readonly T[])[]

for (const program of ['nginx', 'caddy', 'wrk', 'curl']) {
  if (!isInstalled(program))
    throw new Error(`${program} is not installed: see the top of this file`)
}
// In memory, so that no disk is measured.
const folder = mkdtempSync('/dev/shm/ecr-cname-bench-')
try {
  const site = await openSite(folder, { workers: Number(values.workers), blobBytes: BYTES })
  try {
    process.stdout.write(await report(site))
  } finally {
    site.close()
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function report(site: Site): Promise<string> {
  const { proxies } = site
  // Once without a clock, so that code is compiled and connections are open.
  for (const proxy of proxies) await load(proxy, { seconds: SECONDS * 3, isKept: true })
  const rows: string[][] = []
  for (const isKept of [true, false]) {
    const rounds = await inTurn(proxies, ROUNDS, (proxy) =>
      load(proxy, { seconds: SECONDS, isKept }),
    )
    rows.push(...loadRows(isKept ? '64 kept connections' : 'a connection each', rounds))
  }
  for (const way of ['down', 'up'] as const) {
    const one = await inTurn(proxies, ROUNDS, (proxy) => transfer(site, proxy, { way, streams: 1 }))
    rows.push(...transferRows(`${SIZE} ${way}`, one))
    const many = await inTurn(proxies, LONG_ROUNDS, (proxy) => transferMany(site, proxy, way))
    rows.push(...transferRows(`${STREAMS} × ${SIZE} ${way}`, many))
    rows.push(row(`… and 1,000 idle, peak MiB a process`, many, ({ peak }) => peak))
  }
  return table(['', 'sidecar', 'nginx', 'Caddy', '÷ nginx', '÷ Caddy'], rows)
}

async function transferMany(site: Site, proxy: Proxy, way: 'down' | 'up'): Promise<Transfer> {
  const closeIdle = await openIdle(site, proxy)
  try {
    return await transfer(site, proxy, { way, streams: STREAMS })
  } finally {
    closeIdle()
  }
}

/** Measures all in every round, in an order that turns. */
async function inTurn<T>(
  proxies: readonly Proxy[],
  rounds: number,
  act: (proxy: Proxy) => Promise<T>,
): Promise<Rounds<T>> {
  const measured: T[][] = []
  for (let round = 0; round < rounds; round += 1) {
    const figures: T[] = []
    for (let turn = 0; turn < proxies.length; turn += 1) {
      const index = (round + turn) % proxies.length
      figures[index] = await act(proxies[index]!)
    }
    measured.push(figures)
  }
  return measured
}

function loadRows(title: string, rounds: Rounds<Load>): string[][] {
  return [
    row(`manifests a second, ${title}`, rounds, ({ perSecond }) => perSecond),
    row('… p50 ms', rounds, ({ p50 }) => p50),
    row('… p99 ms', rounds, ({ p99 }) => p99),
    row('… CPU µs', rounds, ({ cpu }) => cpu),
  ]
}

function transferRows(title: string, rounds: Rounds<Transfer>): string[][] {
  return [
    row(`${title}, MB/s`, rounds, ({ speed }) => speed),
    row('… CPU seconds a GiB', rounds, ({ cpu }) => cpu),
  ]
}

function row<T>(label: string, rounds: Rounds<T>, figure: (one: T) => number): string[] {
  const [own = [], ...others] = [0, 1, 2].map((index) =>
    rounds.map((round) => figure(round[index]!)),
  )
  const medians = [own, ...others].map((figures) => digits(median(figures)))
  return [label, ...medians, ...others.map((figures) => ratio(own, figures).toFixed(2))]
}

function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3)
}
