/** Progress of pulls and pushes, as it is shown. */

import { describe, expect, it } from 'vitest'
import { openProgress } from '../../src/commands/images/progress.ts'

const BLOB = { mediaType: 'a/b', digest: `sha256:${'a'.repeat(64)}`, size: 2_000_000 }

/** What is written for one layer. */
function written(columns: number | undefined, env: NodeJS.ProcessEnv = {}): string {
  let text = ''
  const progress = openProgress(
    {
      stderrColumns: columns,
      stderr: (more) => (text += more),
      env,
      now: () => 0,
      after: () => () => {},
    },
    false,
  )
  progress.report({ kind: 'plan', blobs: [BLOB] })
  progress.report({ kind: 'done', digest: BLOB.digest, how: 'downloaded' })
  progress.end()
  return text
}

describe('progress', () => {
  it('is drawn over the one before on a terminal', () => {
    expect(written(80)).toContain('\u001B[K')
  })

  it.each([
    ['10 lines', 10, 9],
    ['24 lines', 24, 17],
    ['2 lines', 2, 1],
    ['lines that it does not tell', undefined, 17],
  ])('has no more rows than a terminal of %s shows', (_, stderrRows, most) => {
    let text = ''
    let draw = () => {}
    const progress = openProgress(
      {
        stderrColumns: 80,
        stderrRows,
        stderr: (more) => (text += more),
        env: {},
        now: () => 0,
        after: (__, act) => {
          draw = act
          return () => {}
        },
      },
      false,
    )
    const blobs = Array.from({ length: 40 }, (__, at) => ({ ...BLOB, digest: `sha256:${at}` }))
    progress.report({ kind: 'plan', blobs })
    draw()
    progress.end()
    const [up] = text.split('\u001B[').flatMap((part) => /^(\d+)A/.exec(part)?.[1] ?? [])
    expect(Number(up)).toBeLessThanOrEqual(most)
    expect(Number(up)).toBeGreaterThan(0)
  })

  it.each([
    ['into a pipe', undefined, {}],
    ['on a terminal that does not tell its width', 0, {}],
    ['on a terminal that only prints', 80, { TERM: 'dumb' }],
  ])('is plain lines %s', (_, columns, env) => {
    expect(written(columns, env)).toBe('aaaaaaaaaaaa  2.00 MB  downloaded\n')
  })
})
