/** Tables of docs/fleet.md, out of the simulation. */

import { DAY, type Day, ECR_QUOTA, type Schedule, simulateHosts } from './fleet-hosts.ts'
import { simulateSidecars } from './fleet-sidecar.ts'

/** What the helper asks for to mint once; a test counts it. */
export const PER_MINT = { GetAuthorizationToken: 1, AssumeRole: 1, IMDS: 3 }

const SIZES = [10, 1000, 100_000]
const REPLICAS = 3
const HOUR = 3600
const PULLS_A_DAY = 12

/** Pulls at any time of the day; all hosts start within some seconds. */
function atRandom(seconds: number): Schedule {
  return {
    first: (random) => Math.floor(random() * seconds),
    next: (second, random) =>
      second + 1 + Math.floor((-Math.log(1 - random()) * DAY) / PULLS_A_DAY),
  }
}

/** Every host once in each period, within its first seconds. */
function every(period: number, seconds: number): Schedule {
  return {
    first: (random) => Math.floor(random() * seconds),
    next: (second, random) =>
      (Math.floor(second / period) + 1) * period + Math.floor(random() * seconds),
  }
}

const FLEETS: readonly (readonly [string, Schedule])[] = [
  ['start in one second, then at random', atRandom(1)],
  ['start in 10 minutes, then at random', atRandom(600)],
  ['every 2 hours, in the same 5 seconds', every(2 * HOUR, 5)],
  ['every 2 hours, in the same 10 minutes', every(2 * HOUR, 600)],
  ['once a night, in the same minute', every(DAY, 60)],
]

/** Calls of a day, by the size of a fleet and by when its hosts pull. */
export async function fleetTable(): Promise<string> {
  const rows = []
  for (const hosts of SIZES) {
    for (const [pulls, schedule] of FLEETS) {
      rows.push(row(hosts, pulls, simulateHosts({ hosts, schedule, refreshAfter: 0.5 })))
    }
    rows.push(row(hosts, `any, by ${REPLICAS} sidecars`, await simulateSidecars(REPLICAS, 0.5)))
  }
  return table(
    ['hosts', 'pulls', 'ECR a day', 'ECR peak', 'STS peak', 'refused'],
    ['--:', '---', '--:', '--:', '--:', '--:'],
    rows,
  )
}

/** Calls of a day by `refreshAfter`, of hosts that pull when they like and of hosts in step. */
export function refreshTable(): string {
  const shares = [0.25, 0.5, 0.75, 0.9]
  const fleets = [
    ['10,000 hosts, at random', { hosts: 10_000, schedule: atRandom(600) }],
    [
      '10,000 hosts, every 2 hours in the same 5 seconds',
      { hosts: 10_000, schedule: every(2 * HOUR, 5) },
    ],
  ] as const
  const rows = fleets.flatMap(([name, fleet]) =>
    shares.map((refreshAfter) => {
      const { calls, callsPeak, refused } = simulateHosts({ ...fleet, refreshAfter })
      return [name, String(refreshAfter), count(calls), peak(callsPeak), count(refused)]
    }),
  )
  return table(
    ['fleet', '`refreshAfter`', 'ECR a day', 'ECR peak', 'refused'],
    ['---', '--:', '--:', '--:', '--:'],
    rows,
  )
}

function row(hosts: number, pulls: string, day: Day): readonly string[] {
  const { calls, callsPeak, mintsPeak, refused } = day
  return [count(hosts), pulls, count(calls), peak(callsPeak), count(mintsPeak), count(refused)]
}

function peak(calls: number): string {
  return calls > ECR_QUOTA ? `**${count(calls)}**` : count(calls)
}

function count(number: number): string {
  return number.toLocaleString('en')
}

function table(
  ...[head, rule, rows]: readonly [string[], string[], (readonly string[])[]]
): string {
  return [head, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |\n`).join('')
}
