import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { endTurn, passTurn, isTaken, takeTurn } from '../../src/front/turn.ts'
import { temporaryFolder } from '../support/folder.ts'

const NOW = 1_700_000_000_000

function lock(): string {
  return join(temporaryFolder(), 'lock')
}

function dead(): number {
  return spawnSync('true').pid
}

describe('a turn', () => {
  it('is one process at a time, and free again once it was given back', () => {
    const path = lock()
    expect(takeTurn(path, NOW)).toBe(true)
    expect(takeTurn(path, NOW + 1)).toBe(false)
    expect(isTaken(path, NOW)).toBe(true)
    endTurn(path)
    expect(isTaken(path, NOW)).toBe(false)
    expect(takeTurn(path, NOW + 2)).toBe(true)
  })

  it('goes on when its holder is dead', () => {
    const path = lock()
    writeFileSync(path, `${dead()} ${NOW}`)
    expect(isTaken(path, NOW)).toBe(false)
    expect(takeTurn(path, NOW)).toBe(true)
    expect(takeTurn(path, NOW)).toBe(false)
  })

  it('goes on when its holder was killed and nobody has asked how it ended', async () => {
    const path = lock()
    // The shell becomes a sleep that never waits for its child.
    const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; kill -9 $!; exec sleep 60'])
    onTestFinished(() => void parent.kill('SIGKILL'))
    const zombie = await new Promise<string>((done) =>
      parent.stdout.once('data', (pid: Buffer) => done(pid.toString().trim())),
    )
    writeFileSync(path, `${zombie} ${NOW}`)
    await expect.poll(() => isTaken(path, NOW)).toBe(false)
    expect(takeTurn(path, NOW)).toBe(true)
  })

  it('goes on when the one that was about to take it over is dead as well', () => {
    const path = lock()
    writeFileSync(path, `${dead()} ${NOW}`)
    const [pid, since] = readFileSync(path, 'utf8').split(' ')
    writeFileSync(`${path}.${pid}.${since}`, `${dead()} ${NOW}`)
    expect([takeTurn(path, NOW), takeTurn(path, NOW)]).toEqual([false, true])
  })

  it('goes on when its holder has it for longer than any lives', () => {
    const path = lock()
    writeFileSync(path, `${process.pid} ${NOW}`)
    expect(takeTurn(path, NOW + 15_000)).toBe(false)
    expect(takeTurn(path, NOW + 15_001)).toBe(true)
  })

  it('of a holder from the future goes on', () => {
    const path = lock()
    writeFileSync(path, `${process.pid} ${NOW + 3600_000}`)
    expect(takeTurn(path, NOW)).toBe(true)
  })

  it('goes on when its file is rubbish, but not in the moment before it is written', () => {
    const path = lock()
    writeFileSync(path, '')
    expect(takeTurn(path, Date.now())).toBe(false)
    expect(takeTurn(path, Date.now() + 2000)).toBe(true)
  })

  it('goes on when its file is a link to nowhere', () => {
    const path = lock()
    symlinkSync('nowhere', path)
    expect(takeTurn(path, Date.now() + 2000)).toBe(true)
  })

  it('that was given is taken up once, by the one it was given to', () => {
    const path = lock()
    takeTurn(path, NOW)
    passTurn(path, process.pid, NOW)
    expect([takeTurn(path, NOW), takeTurn(path, NOW)]).toEqual([true, false])
    passTurn(path, process.ppid, NOW)
    expect(takeTurn(path, NOW)).toBe(false)
  })

  it('is taken over by one of many', async () => {
    const path = lock()
    writeFileSync(path, `${dead()} ${NOW}`)
    const program = `
      import { takeTurn } from './src/front/turn.ts'
      process.stdin.once('data', () => {
        console.log(takeTurn(process.argv[1], ${NOW}) ? 'mine' : 'theirs')
        process.stdin.once('data', () => process.exit())
      })
      console.log('ready')`
    const children = Array.from({ length: 8 }, () =>
      spawn(process.execPath, ['--input-type=module', '-e', program, path]),
    )
    const say = (): Promise<string>[] =>
      children.map(
        (child) =>
          new Promise((done) =>
            child.stdout.once('data', (text: Buffer) => done(text.toString().trim())),
          ),
      )
    await Promise.all(say())
    const answers = say()
    for (const child of children) child.stdin.write('go\n')
    expect((await Promise.all(answers)).sort()).toEqual(['mine', ...Array(7).fill('theirs')])
    for (const child of children) child.stdin.write('end\n')
    expect(existsSync(path)).toBe(true)
  })
})
