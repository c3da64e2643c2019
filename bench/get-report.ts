/** What is printed of the race: every contender, then the figures that are to be reached. */

import { statSync } from 'node:fs'
import { cpus } from 'node:os'
import type { Contender, Kind, Program } from './contenders.ts'
import { median, ratio, table } from './figures.ts'
import type { Taken } from './stopwatch.ts'

/** Every contender with its rounds, in the order of the table. */
export type Figures = ReadonlyMap<Contender, readonly Taken[]>

/** Many at once on a token that has ended, and one alone, round by round. */
export type Herd = {
  readonly atOnce: number
  /** How often AWS was asked, in every round. */
  readonly mints: number
  readonly rounds: readonly { readonly one: Taken; readonly all: Taken }[]
}

type Facts = { readonly rounds: number; readonly load: number; readonly peer: string | undefined }

export function heading({ rounds, load, peer }: Facts): string {
  const cores = cpus()
  const model = cores[0]?.model.trim() ?? 'an unknown processor'
  const go = peer === undefined ? 'could not be fetched, its rows are missing' : peer
  return `${cores.length} cores of ${model}, load ${load.toFixed(1)} at the start; ${rounds} rounds, medians.
Node ${process.versions.node}; amazon-ecr-credential-helper: ${go}.
`
}

const NAMES: Readonly<Record<Program, string>> = {
  empty: 'empty static program',
  node: 'node with an empty script',
  front: '`docker-credential-ecr-cname`',
  full: '`ecr-cname` in its place',
  peer: '`docker-credential-ecr-login` in Go',
}

const CREDENTIALS: Readonly<Record<Kind, string>> = {
  keys: 'key variables',
  container: 'container',
  imds: 'IMDS',
}

export function contendersTable(figures: Figures): string {
  const [floor, node] = [find(figures, 'empty'), find(figures, 'node')]
  const rows = [...figures].map(([{ program, get, file }, taken]) => {
    const what = get ? `, ${get.isWarm ? 'kept' : 'minting'}, ${CREDENTIALS[get.kind]}` : ''
    const peer = get && find(figures, 'peer', get)
    return [
      `${NAMES[program]}${what}`,
      middle(taken, 'wall').toFixed(2),
      middle(taken, 'cpu').toFixed(2),
      wallRatio(taken, floor),
      wallRatio(taken, peer),
      wallRatio(taken, node),
      middle(taken, 'peak').toFixed(1),
      sizeOf(file),
    ]
  })
  const head = ['`get`', 'ms', 'CPU ms', '÷ empty', '÷ Go', '÷ node']
  return table([...head, 'peak MiB', 'file'], rows)
}

export function goalsTable(figures: Figures, herd: Herd): string {
  const front = find(figures, 'front', { isWarm: true, kind: 'keys' })
  const onImds = find(figures, 'front', { isWarm: true, kind: 'imds' })
  const full = find(figures, 'full', { isWarm: true, kind: 'keys' })
  const minting = find(figures, 'full', { isWarm: false, kind: 'keys' })
  const [floor, node] = [find(figures, 'empty'), find(figures, 'node')]
  const peer = (kind: Kind) => find(figures, 'peer', { isWarm: true, kind })
  const [all, one] = [herd.rounds.map((round) => round.all), herd.rounds.map((round) => round.one)]
  const file = [...figures.keys()].find(({ program }) => program === 'front')?.file ?? ''
  return table(
    ['figure', 'to reach', 'measured', ''],
    [
      goal('kept, ours ÷ Go, key variables', 0.25, walls(front, peer('keys'))),
      goal('kept, ours ÷ Go, IMDS', 0.15, walls(onImds, peer('imds'))),
      goal('kept, ours ÷ empty static program', 2, walls(front, floor)),
      goal('kept, full binary ÷ node, empty script', 1.15, walls(full, node)),
      goal('minting, full binary ÷ node, empty script', 3, walls(minting, node)),
      goal(`${herd.atOnce} at once on a token that has ended: mints`, 1, herd.mints, 0),
      goal(`${herd.atOnce} at once ÷ one that mints`, 6, walls(all, one)),
      goal('ours: peak memory, MiB', 4, front && middle(front, 'peak'), 1),
      goal('ours: file, MB', 1, statSync(file).size / 1e6),
    ],
  )
}

function goal(
  figure: string,
  reach: number,
  measured: number | undefined,
  digits = 2,
): readonly string[] {
  if (measured === undefined) return [figure, `≤ ${reach}`, 'not measured', '']
  return [figure, `≤ ${reach}`, measured.toFixed(digits), measured <= reach ? 'ok' : 'not reached']
}

type Rounds = readonly Taken[]

function find(figures: Figures, program: Program, get?: Contender['get']): Rounds | undefined {
  const [, rounds] =
    [...figures].find(
      ([one]) =>
        one.program === program && one.get?.isWarm === get?.isWarm && one.get?.kind === get?.kind,
    ) ?? []
  return rounds
}

function walls(of: Rounds | undefined, to: Rounds | undefined): number | undefined {
  if (!of || !to) return undefined
  const [one, other] = [of, to].map((rounds) => rounds.map(({ wall }) => wall))
  return ratio(one ?? [], other ?? [])
}

function wallRatio(of: Rounds | undefined, to: Rounds | undefined): string {
  return of === to ? '' : (walls(of, to)?.toFixed(2) ?? '')
}

function middle(rounds: Rounds, figure: keyof Taken): number {
  return median(rounds.map((round) => round[figure]))
}

function sizeOf(file: string): string {
  const size = statSync(file).size
  return size < 1e6 ? `${Math.round(size / 1e3)} kB` : `${(size / 1e6).toFixed(1)} MB`
}
