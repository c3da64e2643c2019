import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createHooks, type Hook, hookTrouble } from '../../src/io/hook.ts'
import { temporaryFolder } from '../support/folder.ts'
import { eventually } from '../support/user.ts'

/** A program of the shell, in a folder of its own. */
function script(text: string, mode = 0o700) {
  const folder = temporaryFolder()
  const file = join(folder, 'check')
  writeFileSync(file, `#!/bin/sh\n${text}\n`, { mode })
  return { file, folder }
}

const run = (file: string, question = '{}', more: Partial<Hook> = {}) =>
  createHooks(process.env).ask({ command: [file], timeoutMs: 30_000, ...more }, question)

describe('a hook', () => {
  it('lets a push through by exit code 0, whatever it printed', async () => {
    const { file } = script('echo no; echo looked >&2')
    expect(await run(file)).toEqual({ stderr: 'looked' })
  })

  it('gets the question on stdin, and its arguments without a shell', async () => {
    const { file, folder } = script('cat >"$1/in"; echo "$2" >"$1/argument"')
    const question = JSON.stringify({ manifest: 'x'.repeat(3_000_000) })
    await run(file, question, { command: [file, folder, '$(id) *'] })
    expect(readFileSync(join(folder, 'in'), 'utf8')).toBe(question)
    expect(readFileSync(join(folder, 'argument'), 'utf8')).toBe('$(id) *\n')
  })

  it('sees of the environment no more than PATH, HOME and LANG', async () => {
    const { file, folder } = script('env >"$1"')
    const env = { PATH: '/bin:/usr/bin', HOME: '/root', LANG: 'C', AWS_SECRET_ACCESS_KEY: 'hush' }
    const hook = { command: [file, join(folder, 'env')], timeoutMs: 30_000 }
    await createHooks(env).ask(hook, '{}')
    const names = readFileSync(join(folder, 'env'), 'utf8').match(/^\w+/gm) ?? []
    // PWD and what follows are the shell's own.
    expect(names.filter((name) => !/^(PWD|OLDPWD|SHLVL|_)$/.test(name)).sort()).toEqual([
      'HOME',
      'LANG',
      'PATH',
    ])
  })

  it.each([
    ['its first line', 'echo "not on a Friday"; echo second; exit 1', 'not on a Friday'],
    ['its first line that is not empty', 'echo; echo why; exit 3', 'why'],
    ['a line without an end', 'printf why; exit 1', 'why'],
    ['printable text', 'printf "a\\033[31mb\\000c\\n"; exit 1', 'a [31mb c'],
    ['400 characters', 'head -c 1000 /dev/zero | tr "\\0" x; exit 1', `${'x'.repeat(399)}…`],
    ['what it printed before it crashed', 'echo why; kill -9 $$', 'why'],
  ])('refuses in %s', async (_, text, reason) => {
    expect(await run(script(text).file)).toMatchObject({ reason })
  })

  it.each([
    ['says nothing', 'exit 3', /^the hook \/.*\/check refused it \(exit code 3\)$/],
    ['crashes', 'kill -SEGV $$', /^the hook \/.*\/check was ended by SIGSEGV$/],
    ['reads nothing', 'exec 0<&-; exit 1', /refused it \(exit code 1\)$/],
  ])('that %s refuses', async (_, text, reason) => {
    const { reason: given } = await run(script(text).file, 'x'.repeat(1_000_000))
    expect(given).toMatch(reason)
  })

  it('that prints megabytes is read to its end, and little of it kept', async () => {
    const { file } = script('head -c 8000000 /dev/zero | tr "\\0" x; echo; echo err >&2; exit 1')
    const { reason } = await run(file)
    expect(reason).toHaveLength(400)
    const lines = script('yes refused | head -c 8000000; exit 1')
    expect(await run(lines.file)).toMatchObject({ reason: 'refused' })
  })

  it('that does not end is ended, with all that it has started, and refuses', async () => {
    const { file, folder } = script('sleep 600 & echo $! >"$1/child"; echo waiting; wait')
    const hook = { command: [file, folder], timeoutMs: 2000 }
    expect(await run(file, '{}', hook)).toMatchObject({ reason: 'waiting' })
    const child = Number(readFileSync(join(folder, 'child'), 'utf8'))
    await eventually(() => isGone(child))
    const silent = script('exec sleep 600')
    expect(await run(silent.file, '{}', { timeoutMs: 200 })).toMatchObject({
      reason: `the hook ${silent.file} did not end within 0.2 s`,
    })
  })

  it('that leaves something behind which holds its pipes is not waited for', async () => {
    const left = script('sleep 30 & exit 0')
    expect(await run(left.file)).toEqual({ stderr: '' })
    const refusing = script('sleep 600 & echo why; exit 1')
    expect(await run(refusing.file)).toMatchObject({ reason: 'why' })
  })

  it('that has gone since the start refuses', async () => {
    const { reason } = await run('/nowhere/check')
    expect(reason).toBe("the hook /nowhere/check can't be run (ENOENT)")
  })

  it('that runs when all ends is ended too', async () => {
    const { file, folder } = script('touch "$1/begun"; sleep 600')
    const { ask, close } = createHooks(process.env)
    const asking = ask({ command: [file, folder], timeoutMs: 30_000 }, '{}')
    await eventually(() => existsSync(join(folder, 'begun')))
    close()
    expect(await asking).toMatchObject({ reason: `the hook ${file} was ended by SIGKILL` })
  })

  it('is not waited for by more than a few hundred', async () => {
    const { file, folder } = script('while [ ! -e "$1/go" ]; do sleep 0.05; done')
    const { ask } = createHooks(process.env, 1)
    const hook = { command: [file, folder], timeoutMs: 30_000 }
    const first = ask(hook, '{}')
    const quick = { ...hook, command: ['/bin/true'] }
    const others = Array.from({ length: 257 }, () => ask(quick, '{}'))
    expect(await others.at(-1)).toMatchObject({ reason: expect.stringMatching(/^too many pushes/) })
    writeFileSync(join(folder, 'go'), '')
    const outcomes = await Promise.all([first, ...others.slice(0, -1)])
    expect(outcomes).toEqual(outcomes.map(() => ({ stderr: '' })))
  })

  it('waits while as many run as may', async () => {
    const { file, folder } = script(
      'mkdir "$1/on" 2>/dev/null || { echo two at once; exit 1; }; cat >/dev/null; rmdir "$1/on"',
    )
    const { ask } = createHooks(process.env, 1)
    const hook = { command: [file, folder], timeoutMs: 30_000 }
    const outcomes = await Promise.all(Array.from({ length: 10 }, () => ask(hook, '{}')))
    expect(outcomes).toEqual(outcomes.map(() => ({ stderr: '' })))
  })
})

describe('hookTrouble', () => {
  it('is none with a program', () => {
    expect(hookTrouble([script('exit 0').file])).toBeUndefined()
  })

  it.each([
    ['that is missing', () => '/nowhere/check', 'ENOENT'],
    ['that is a folder', folderOf, 'EISDIR'],
    ['that may not be run', () => script('exit 0', 0o600).file, 'EACCES'],
  ])('tells of one %s, and what to do', (_, file, code) => {
    const program = file()
    expect(hookTrouble([program])).toBe(
      `${program}: can't be run (${code}); name a program that this user may run`,
    )
  })
})

function folderOf(): string {
  const folder = join(temporaryFolder(), 'check')
  mkdirSync(folder)
  return folder
}

function isGone(pid: number): boolean {
  const stat = `/proc/${pid}/stat`
  return !existsSync(stat) || / Z /.test(readFileSync(stat, 'utf8'))
}
