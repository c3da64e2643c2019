import { execFileSync, spawn } from 'node:child_process'
import {
  closeSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { tokenFile } from '../../src/front/entry.ts'
import { failureFile } from '../../src/front/failure.ts'
import { identityOf } from '../../src/front/identity.ts'
import { storeFolder } from '../../src/front/places.ts'
import { turnOf } from '../../src/front/turn.ts'
import { suiteFolder } from '../support/folder.ts'
import { needs } from '../support/needs.ts'
import { ECR_CNAME, runProgram } from '../support/program.ts'
import { emulated, eventually, mints } from '../support/user.ts'
import { textOfAge } from './entries.ts'
import { nativeFront, type Program, referenceFront, whyNoFront } from './programs.ts'
import { brokenPipe } from './runs.ts'
import {
  ended,
  FULL,
  HOST,
  isAlive,
  killAll,
  lines,
  MISSING,
  reply,
  SAYS_FULL,
  type Setup,
  setUp,
  stayed,
  STAYS,
} from './setup.ts'

const programs: Record<string, Program> = {}
const suite = suiteFolder()

beforeAll(async () => {
  if (!whyNoFront()) programs['the native front'] = nativeFront(suite)
  programs['its source on Node'] = await referenceFront(suite)
})

const LACKS: Readonly<Record<string, (setup: Setup) => void>> = {
  'is missing': () => {},
  'is not executable': ({ withFull }) => withFull('', 0o644),
  'is a folder': ({ folder }) => mkdirSync(join(folder, 'bin/ecr-cname')),
  'has no interpreter': ({ folder }) =>
    writeFileSync(join(folder, 'bin/ecr-cname'), '#!/gone\n', { mode: 0o755 }),
}

const MISSES: Readonly<Record<string, (setup: Setup) => void>> = {
  'a FIFO': ({ file }) => swap(file(), (path) => execFileSync('mkfifo', [path])),
  'a folder': ({ file }) => swap(file(), (path) => mkdirSync(path)),
  'a link to /dev/zero': ({ file }) => swap(file(), (path) => symlinkSync('/dev/zero', path)),
  'a link to nowhere': ({ file }) => swap(file(), (path) => symlinkSync('gone', path)),
  '1 GB': ({ file }) => truncateSync(file(), 2 ** 30),
  'half written': ({ file }) => truncateSync(file(), 500),
  "another one's": ({ env }) => void (env['AWS_ACCESS_KEY_ID'] = 'AKIAOTHER'),
  'of a clock that is far ahead now': ({ keep }) => void keep('expired for years'),
  'of a clock that is far behind now': ({ keep }) => void keep('of the future'),
  'longer-lived than any': ({ keep }) => void keep('longer than any lives'),
  'kept where no HOME leads': ({ env }) => void (env['HOME'] = undefined),
  'kept where an empty HOME leads': ({ env }) => void (env['HOME'] = ''),
  'not to be kept': ({ env }) => void (env['ECR_CNAME_CACHE'] = 'off'),
}

describe.each(['the native front', 'its source on Node'])('%s', (name) => {
  const isNative = name === 'the native front'
  const fronted = (title: string, act: (setup: Setup) => Promise<void>) =>
    it(title, async (context) => {
      needs(context, isNative ? whyNoFront() : undefined)
      await act(setUp(programs[name] as Program))
    })

  describe('on a fresh token', () => {
    fronted('answers, where there is no full program', async ({ keep, get }) => {
      const secret = keep('fresh')
      expect(await get()).toEqual(ended(0, reply(secret)))
    })

    fronted('writes nothing into the store', async ({ folder, keep, get }) => {
      keep('fresh')
      const tree = () => readdirSync(folder, { recursive: true, encoding: 'utf8' })
      const before = tree()
      await get()
      expect(tree()).toEqual(before)
    })

    fronted('answers a caller that closed its stdout with 0', async ({ command, env, keep }) => {
      keep('fresh')
      const closed = ['/bin/sh', '-c', 'exec "$0" "$@" >&-', ...command, 'get'] as const
      expect(await runProgram(closed, { env, input: HOST })).toEqual(ended(0, ''))
    })

    fronted('fails when its stdout is full', async ({ command, env, keep }) => {
      keep('fresh')
      const full = ['/bin/sh', '-c', 'exec "$0" "$@" >/dev/full', ...command, 'get'] as const
      const line = "the answer can't be written to stdout (ENOSPC)\n"
      expect(await runProgram(full, { env, input: HOST })).toEqual(ended(1, '', line))
    })

    fronted('answers into a pipe that nobody reads with 0', async (setup) => {
      setup.keep('fresh')
      expect(await intoBrokenPipe(setup)).toBe(0)
    })
  })

  describe('on an aging token', () => {
    fronted('answers at once and starts a renewal in a session of its own', async (setup) => {
      const secret = setup.keep('aging')
      setup.withFull(`echo "$@" >"$FOLDER/arguments"; ${STAYS}`)
      expect(await setup.get()).toEqual(ended(0, reply(secret)))
      const pid = await stayed(setup)
      expect(sessionOf(pid)).toBe(pid)
      expect(lines(setup.folder, 'arguments')).toEqual([`renew ${HOST}`])
    })

    fronted('leaves the renewal its turn', async (setup) => {
      setup.keep('aging')
      setup.withFull(STAYS)
      await setup.get()
      const lock = readFileSync(turnOf(setup.file()), 'utf8')
      expect(lock).toBe(`${await stayed(setup)} ${lock.split(' ')[1]} given`)
    })

    fronted('starts one renewal, however many are asked', async (setup) => {
      const secret = setup.keep('aging')
      setup.withFull(STAYS)
      const outcomes = await Promise.all(Array.from({ length: 20 }, () => setup.get()))
      expect(outcomes).toEqual(Array(20).fill(ended(0, reply(secret))))
      const pid = await stayed(setup)
      expect(readFileSync(turnOf(setup.file()), 'utf8')).toMatch(new RegExp(`^${pid} `))
      expect(lines(setup.folder, 'started')).toEqual([String(pid)])
    })

    fronted('answers where no renewal can be started', async ({ keep, get, file }) => {
      const secret = keep('aging')
      expect(await get()).toEqual(ended(0, reply(secret)))
      expect(existsSync(turnOf(file()))).toBe(false)
    })

    fronted('starts no renewal within a minute after one failed', async (setup) => {
      setup.keep('aging')
      setup.withFull(STAYS)
      writeFileSync(failureFile(setup.file()), failure(Date.now() - 30_000))
      await setup.get()
      expect(existsSync(turnOf(setup.file()))).toBe(false)
      writeFileSync(failureFile(setup.file()), failure(Date.now() - 61_000))
      await setup.get()
      expect(await stayed(setup)).toBeGreaterThan(0)
    })

    fronted("holds nothing of the caller's open while the renewal runs", async (setup) => {
      setup.keep('aging')
      setup.withFull(STAYS)
      const [program, ...args] = setup.command
      const stdio = Array(10).fill('pipe') as 'pipe'[]
      const child = spawn(program, [...args, 'get'], { env: setup.env, stdio })
      for (const pipe of child.stdio) if (pipe && 'resume' in pipe) pipe.resume()
      child.stdin.end(HOST)
      // The end of all ten pipes, of which the renewal could hold one.
      await new Promise((done) => child.once('close', done))
      expect(isAlive(await stayed(setup))).toBe(true)
    })

    fronted("leaves the renewal alive when the caller's process group is killed", async (setup) => {
      const secret = setup.keep('aging')
      setup.withFull(STAYS)
      const caller = spawn('/bin/sh', ['-c', '"$0" "$@"; sleep 60', ...setup.command, 'get'], {
        env: setup.env,
        detached: true,
      })
      const closed = new Promise((done) => caller.once('close', done))
      caller.stdin.end(HOST)
      await new Promise((done) => caller.stdout.once('data', done))
      const renewal = await stayed(setup)
      process.kill(-(caller.pid as number), 'SIGKILL')
      await closed
      expect(isAlive(renewal)).toBe(true)
      expect(readFileSync(turnOf(setup.file()), 'utf8')).toMatch(
        new RegExp(`^${renewal} .* given$`),
      )
      expect(await setup.get()).toEqual(ended(0, reply(secret)))
    })
  })

  describe.each(['ending', 'expired'])('on a token that is %s', (age) => {
    fronted('hands over once, and the others answer what was minted', async (setup) => {
      const fresh = setup.keep('fresh')
      copyFileSync(setup.file(), join(setup.folder, 'minted'))
      setup.keep(age)
      setup.env['TOKEN'] = setup.file()
      setup.withFull(`echo $$ >>"$FOLDER/started"
        cp "$FOLDER/minted" "$TOKEN.draft"; mv "$TOKEN.draft" "$TOKEN"; rm "$TOKEN.lock"
        ${SAYS_FULL}`)
      const outcomes = await Promise.all(Array.from({ length: 20 }, () => setup.get()))
      expect(lines(setup.folder, 'started')).toHaveLength(1)
      expect(outcomes.filter(({ stdout }) => stdout === FULL)).toEqual([ended(0, FULL)])
      expect(outcomes.filter(({ stdout }) => stdout === reply(fresh))).toHaveLength(19)
    })

    fronted('takes over at once when the one that mints is killed', async (setup) => {
      setup.keep(age)
      setup.withFull(`mkdir "$FOLDER/first" && { ${STAYS}; }; ${SAYS_FULL}`)
      const first = setup.start()
      const holder = await stayed(setup)
      const others = Array.from({ length: 5 }, () => setup.start())
      process.kill(holder, 'SIGKILL')
      expect(await first.outcome).toMatchObject({ exitCode: null, signal: 'SIGKILL' })
      for (const { outcome } of others) expect(await outcome).toMatchObject({ stdout: FULL })
    })
  })

  describe('on a token that another process is minting', () => {
    fronted('waits no longer than clients were promised', async (setup) => {
      const other = setUp(programs[name] as Program)
      const token = setup.keep('ending')
      other.keep('expired')
      for (const { file } of [setup, other]) {
        writeFileSync(turnOf(file()), `${process.pid} ${Date.now()}`)
      }
      const line = `${HOST}: waited too long for another process to mint; try again\n`
      const warning = `the token ends soon and was not renewed: ${line}`
      expect(await Promise.all([setup.get(), other.get()])).toEqual([
        ended(0, reply(token), warning),
        ended(1, line, line),
      ])
    })
  })

  describe('on a token that is expired', () => {
    fronted('says why the one that minted failed, as that one does', async (setup) => {
      setup.keep('expired')
      setup.withFull(STAYS)
      const first = setup.start()
      await stayed(setup)
      const waiting = setup.start()
      // As late as the clock of any waiting one can be.
      writeFileSync(failureFile(setup.file()), failure(Date.now() + 60_000))
      const line = 'denied; allow it\n'
      expect(await waiting.outcome).toEqual(ended(1, line, line))
      first.kill('SIGTERM')
      await first.outcome
    })

    fronted('has one minted for all who ask at once', async (setup) => {
      const emulator = await emulated()
      Object.assign(setup.env, emulator.env('keys'), { HOME: setup.env['HOME'] })
      setup.keep('expired')
      symlinkSync(ECR_CNAME, join(setup.folder, 'bin/ecr-cname'))
      const count = isNative ? 100 : 20
      const outcomes = await Promise.all(Array.from({ length: count }, () => setup.get()))
      expect(outcomes.filter(({ exitCode }) => exitCode !== 0)).toEqual([])
      expect(new Set(outcomes.map(({ stdout }) => stdout)).size).toBe(1)
      expect(mints(emulator)).toBe(1)
    })
  })

  describe('on everything else', () => {
    fronted('passes stdin on as it is, and what the full program says', async (setup) => {
      const input = Buffer.concat([
        Buffer.from([0, 0xff, 0xc0, 0xaf, 10, 13, 10]),
        Buffer.alloc(300_000, 'x'),
        Buffer.from([0x80]),
      ])
      setup.withFull(`cat >"$FOLDER/input"; echo "$@"; echo aside >&2; exit 42`)
      expect(await setup.get(input)).toEqual(ended(42, 'credential-helper get\n', 'aside\n'))
      expect(readFileSync(join(setup.folder, 'input')).equals(input)).toBe(true)
    })

    fronted('passes every argument on', async (setup) => {
      setup.withFull(`printf '[%s]' "$@"; cat`)
      const args = ['store', '', 'a b', '--help', 'ü']
      const { outcome } = setup.start(args, 'the input')
      const told = ['credential-helper', ...args].map((arg) => `[${arg}]`).join('')
      expect(await outcome).toEqual(ended(0, `${told}the input`))
    })

    fronted('does not read stdin itself for list', async (setup) => {
      setup.withFull(`echo '{}'`)
      const [program, ...args] = setup.command
      // stdin stays open, as a terminal would.
      const child = spawn(program, [...args, 'list'], { env: setup.env })
      const code = await new Promise((done) => child.once('exit', done))
      child.stdin.end()
      expect(code).toBe(0)
    })

    fronted('finds the full program on PATH', async (setup) => {
      setup.withFull(`echo "$@"`)
      mkdirSync(join(setup.folder, 'path'))
      linkSync(join(setup.folder, 'bin/ecr-cname'), join(setup.folder, 'path/ecr-cname'))
      rmSync(join(setup.folder, 'bin/ecr-cname'))
      setup.env['PATH'] = `${setup.folder}/gone:${setup.folder}/path:/usr/bin:/bin`
      expect(await setup.get()).toEqual(ended(0, 'credential-helper get\n'))
    })

    fronted('finds the full program beside the file that a link to it leads to', async (setup) => {
      setup.withFull(`echo "$@"`)
      mkdirSync(join(setup.folder, 'links'))
      const link = join(setup.folder, 'links/docker-credential-ecr-cname')
      symlinkSync(setup.command[0], link)
      const command = [link, ...setup.command.slice(1), 'get'] as const
      expect(await runProgram(command, { env: setup.env })).toMatchObject({ exitCode: 0 })
    })

    for (const [lack, make] of Object.entries(LACKS)) {
      fronted(`says one clear line when the full program ${lack}`, async (setup) => {
        make(setup)
        expect(await setup.get()).toEqual(ended(1, MISSING, MISSING))
        expect(await setup.start(['list']).outcome).toEqual(ended(1, MISSING, MISSING))
        setup.keep('expired')
        expect(await setup.get()).toEqual(ended(1, MISSING, MISSING))
        expect(existsSync(turnOf(setup.file()))).toBe(false)
      })
    }

    fronted('ends as the full program does when that is killed', async (setup) => {
      setup.withFull('kill -9 $$')
      expect(await setup.get()).toMatchObject({ exitCode: null, signal: 'SIGKILL' })
    })

    for (const [signal, code] of [
      ['SIGTERM', 43],
      ['SIGINT', 44],
    ] as const) {
      fronted(`passes ${signal} on, and what the full program makes of it`, async (setup) => {
        setup.withFull(
          // A signal in the moment before its exec would be lost on the sleep, which may hold nothing.
          `trap 'kill $!; exit ${code}' ${signal.slice(3)}; sleep 60 >/dev/null 2>&1 & echo $$ >>"$FOLDER/started"; wait`,
        )
        const running = setup.start()
        await stayed(setup)
        running.kill(signal)
        expect(await running.outcome).toMatchObject({ exitCode: code, signal: null })
      })
    }
  })

  describe('in bad surroundings', () => {
    for (const [what, make] of Object.entries(MISSES)) {
      fronted(`hands over a token that is ${what}`, async (setup) => {
        setup.keep('fresh')
        make(setup)
        setup.withFull(SAYS_FULL)
        expect(await setup.get()).toEqual(ended(0, FULL))
      })
    }

    fronted('hands over a token that is kept below a link elsewhere, no less', async (setup) => {
      const secret = setup.keep('fresh')
      const store = storeFolder(setup.env)
      execFileSync('mv', [store, join(setup.folder, 'elsewhere')])
      symlinkSync(join(setup.folder, 'elsewhere'), store)
      expect(await setup.get()).toEqual(ended(0, reply(secret)))
    })

    fronted('hands over where no lock can be made', async (setup) => {
      setup.keep('expired')
      setup.withFull(SAYS_FULL)
      const full = `ulimit -f 0; trap '' XFSZ; exec "$0" "$@"`
      const command = ['/bin/sh', '-c', full, ...setup.command, 'get'] as const
      const options = { env: setup.env, input: HOST }
      expect(await runProgram(command, options)).toEqual(ended(0, FULL))
    })

    fronted('leaves no half state when it is killed at any moment', async (setup) => {
      const fresh = setup.keep('fresh')
      const whole = readFileSync(setup.file(), 'utf8')
      setup.withFull(STAYS)
      for (let moment = 0; moment < 30; moment++) {
        setup.keep(moment % 2 ? 'expired' : 'aging')
        const running = setup.start()
        await new Promise((done) => setTimeout(done, moment * (isNative ? 0.2 : 3)))
        running.kill(moment % 3 ? 'SIGTERM' : 'SIGKILL')
        await eventually(() => !isAlive(running.pid))
        let isOver = false
        void running.outcome.then(() => (isOver = true))
        // What it has just started may not be there to be found yet.
        await eventually(() => {
          killAll(setup.folder)
          return isOver
        })
      }
      setup.withFull(SAYS_FULL)
      expect(await setup.get()).toEqual(ended(0, FULL))
      writeFileSync(setup.file(), whole)
      expect(await setup.get()).toEqual(ended(0, reply(fresh)))
    })
  })
})

describe('the native front as a file', () => {
  const native = (title: string, act: (file: string) => Promise<void> | void) =>
    it(title, async (context) => {
      needs(context, whyNoFront())
      await act((programs['the native front'] as Program).file)
    })

  native('is static: it names no loader and no library', (file) => {
    expect(segmentsOf(readFileSync(file))).toEqual(
      expect.not.arrayContaining([SEGMENTS.dynamic, SEGMENTS.interpreter]),
    )
  })

  it('is smaller than 1 MB where musl is at hand', (context) => {
    needs(context, whyNoFront())
    needs(context, existsSync('/usr/lib/x86_64-linux-musl/crt1.o') ? undefined : 'musl-dev')
    expect(statSync(programs['the native front']?.file ?? '').size).toBeLessThan(1_000_000)
  })

  it('answers where there is nothing else at all', async (context) => {
    needs(context, whyNoFront())
    if (process.getuid?.() !== 0) context.skip('only root may chroot')
    const setup = setUp(programs['the native front'] as Program)
    const root = join(setup.folder, 'root')
    const env = {
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: `/${setup.folder.split('/').at(-1)}`,
      ECR_CNAME_CONFIG: '/none',
      AWS_EC2_METADATA_DISABLED: 'true',
    }
    const inside = tokenFile(storeFolder(env), HOST, identityOf(HOST, env))
    mkdirSync(dirname(join(root, inside)), { recursive: true })
    linkSync(setup.command[0], join(root, 'front'))
    const text = textOfAge('fresh', HOST, identityOf(HOST, env), Date.now())
    writeFileSync(join(root, inside), text)
    const { secret } = JSON.parse(text) as { readonly secret: string }
    const outcome = await runProgram(['chroot', root, '/front', 'get'], { env, input: HOST })
    expect(outcome).toEqual(ended(0, reply(secret)))
    const miss = await runProgram(['chroot', root, '/front', 'get'], { env, input: 'x.test' })
    expect(miss).toEqual(ended(1, MISSING, MISSING))
  })
})

/** Types of an ELF file's program headers. */
const SEGMENTS = { dynamic: 2, interpreter: 3 }

function segmentsOf(elf: Buffer): number[] {
  const start = Number(elf.readBigUInt64LE(32))
  const [size, count] = [elf.readUInt16LE(54), elf.readUInt16LE(56)]
  return Array.from({ length: count }, (_, index) => elf.readUInt32LE(start + index * size))
}

function failure(at: number): string {
  return JSON.stringify({ at, code: 'ACCESS_DENIED', message: 'denied; allow it' })
}

function swap(path: string, make: (path: string) => void): void {
  rmSync(path)
  make(path)
}

function sessionOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3])
}

async function intoBrokenPipe({ command, env, folder }: Setup): Promise<number | null> {
  const [program, ...args] = command
  const writer = brokenPipe(folder)
  const child = spawn(program, [...args, 'get'], { env, stdio: ['pipe', writer, 'inherit'] })
  closeSync(writer)
  child.stdin?.end(HOST)
  return await new Promise((done) => child.once('exit', done))
}
