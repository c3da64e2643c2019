import { mkdirSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { sanitizeFront } from '../../scripts/sanitize-front.ts'
import { suiteFolder } from '../support/folder.ts'
import { needs } from '../support/needs.ts'
import { caseOf } from './cases.ts'
import { nativeFront, type Program, referenceFront, whyNoFront } from './programs.ts'
import { prepare, runCase, type Sight } from './runs.ts'

/**
 * DIFFERENTIAL_SEED and DIFFERENTIAL_CASES choose other cases, DIFFERENTIAL_CASE a single one, to
 * see one again that a failure names.
 */
const { CI, DIFFERENTIAL_SEED, DIFFERENTIAL_CASES, DIFFERENTIAL_CASE } = process.env
const SEED = Number(DIFFERENTIAL_SEED ?? 1)
const COUNT = Number(DIFFERENTIAL_CASES ?? (CI ? 2000 : 200))
const BATCH = 100
/** Every such case is run by the sanitized build too. */
const SANITIZED = 4

const folder = suiteFolder()
const builds: { reference?: Program; native?: Program; sanitized?: Program } = {}
/** Why there is no sanitized build, if so. */
let whyNoSanitized: string | undefined

beforeAll(async () => {
  builds.reference = await referenceFront(folder)
  if (!whyNoFront()) builds.native = nativeFront(folder)
  const output = join(folder, 'sanitized')
  whyNoSanitized = sanitizeFront(output)
  if (!whyNoSanitized) builds.sanitized = { file: output, args: [] }
})

type Difference = {
  readonly case: string
  readonly build: string
  readonly sight: Sight
  readonly reference: Sight
}

/** Where a build does otherwise than the reference. */
async function differences(numbers: readonly number[]): Promise<Difference[]> {
  const found: Difference[] = []
  const left = [...numbers]
  const work = async () => {
    for (let number = left.shift(); number !== undefined; number = left.shift()) {
      found.push(...(await compare(number)))
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() + 1 }, work))
  return found
}

async function compare(number: number): Promise<Difference[]> {
  const one = caseOf(SEED, number)
  const place = join(folder, `case-${number}`)
  mkdirSync(place)
  onTestFinished(() => rmSync(place, { recursive: true, force: true }))
  prepare(place, one)
  const reference = await runCase(place, one, builds.reference as Program)
  const found: Difference[] = []
  for (const build of ['native', 'sanitized'] as const) {
    const program = builds[build]
    if (!program || (build === 'sanitized' && number % SANITIZED !== 0)) continue
    const sight = await runCase(place, one, program)
    const again = `DIFFERENTIAL_SEED=${SEED} DIFFERENTIAL_CASE=${number}`
    if (JSON.stringify(sight) === JSON.stringify(reference)) continue
    found.push({ case: `${again}: ${one.title}`, build, sight, reference })
  }
  return found
}

function batches(count: number): { from: number; to: number; numbers: number[] }[] {
  if (DIFFERENTIAL_CASE) {
    const only = Number(DIFFERENTIAL_CASE)
    return [{ from: only, to: only, numbers: [only] }]
  }
  return Array.from({ length: Math.ceil(count / BATCH) }, (__, index) => {
    const from = index * BATCH
    const to = Math.min(from + BATCH, count) - 1
    return { from, to, numbers: Array.from({ length: to - from + 1 }, (_, more) => from + more) }
  })
}

describe('the native front', () => {
  it.for(batches(COUNT))(
    'does what its source does on Node: cases $from to $to',
    { timeout: 120_000 },
    async ({ numbers }, context) => {
      needs(context, whyNoFront())
      expect(await differences(numbers)).toEqual([])
    },
  )

  it('does so in a fourth of the cases under AddressSanitizer as well', (context) => {
    needs(context, whyNoSanitized)
  })
})
