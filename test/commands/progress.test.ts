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
    ['into a pipe', undefined, {}],
    ['on a terminal that does not tell its width', 0, {}],
    ['on a terminal that only prints', 80, { TERM: 'dumb' }],
  ])('is plain lines %s', (_, columns, env) => {
    expect(written(columns, env)).toBe('aaaaaaaaaaaa  2.00 MB  downloaded\n')
  })
})
