import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { failureFile } from '../../src/front/failure.ts'
import { renewBehind } from '../../src/front/renewal.ts'
import { turnOf } from '../../src/front/turn.ts'
import { temporaryFolder } from '../support/folder.ts'
import { eventually } from '../support/user.ts'

const NOW = 1_700_000_000_000

/** A token's file, and a program that notes that it was started and stays. */
function token() {
  const folder = temporaryFolder()
  const file = join(folder, 'token.json')
  const script = 'echo "$$ $1" >>"$0/started"; exec sleep 60'
  const notes = join(folder, 'started')
  const started = () =>
    existsSync(notes) ? readFileSync(notes, 'utf8').split('\n').filter(Boolean) : []
  onTestFinished(() => {
    for (const line of started()) process.kill(Number.parseInt(line, 10), 'SIGKILL')
  })
  return {
    file,
    started,
    renew: (now: number, program = '/bin/sh') =>
      renewBehind(program, ['-c', script, folder, 'renew'], file, now),
    failed: (at: number) =>
      writeFileSync(
        failureFile(file),
        JSON.stringify({ at, code: 'ACCESS_DENIED', message: 'no' }),
      ),
  }
}

describe('a renewal', () => {
  it('is started with its turn', async () => {
    const { file, started, renew } = token()
    renew(NOW)
    await eventually(() => started().length === 1)
    const [line = ''] = started()
    expect(line).toMatch(/^\d+ renew$/)
    expect(readFileSync(turnOf(file), 'utf8')).toBe(`${Number.parseInt(line, 10)} ${NOW} given`)
  })

  it('is not started twice', async () => {
    const { started, renew } = token()
    renew(NOW)
    renew(NOW)
    await eventually(() => started().length > 0)
    expect(started()).toHaveLength(1)
  })

  it('that failed is not tried again behind every answer, but after a minute', async () => {
    const { file, started, renew, failed } = token()
    failed(NOW)
    renew(NOW + 1)
    renew(NOW + 60_000)
    expect(existsSync(turnOf(file))).toBe(false)
    renew(NOW + 60_001)
    await eventually(() => started().length === 1)
  })

  it('that can not be started gives its turn back', () => {
    const { file, renew } = token()
    renew(NOW, '/gone')
    expect(existsSync(turnOf(file))).toBe(false)
  })
})
