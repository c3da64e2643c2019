/** Where the compiled front does otherwise than its source on Node, and why that can't hurt. */

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { suiteFolder } from '../support/folder.ts'
import { needs } from '../support/needs.ts'
import { type Outcome, runProgram } from '../support/program.ts'
import { nativeFront, type Program, referenceFront, whyNoFront } from './programs.ts'
import { ended, FULL, HOST, MISSING, reply, SAYS_FULL, type Setup, setUp } from './setup.ts'

const suite = suiteFolder()
let native: Program
let reference: Program

beforeAll(async () => {
  if (!whyNoFront()) native = nativeFront(suite)
  reference = await referenceFront(suite)
})

type Both = { readonly native: Outcome; readonly reference: Outcome }

/** The same on both; each has a store of its own. */
function onBoth(title: string, act: (setup: Setup) => Promise<Outcome>, check: (it: Both) => void) {
  it(title, async (context) => {
    needs(context, whyNoFront())
    check({ native: await act(setUp(native)), reference: await act(setUp(reference)) })
  })
}

/** `get` behind a line of shell. */
async function behind(shell: string, { command, env }: Setup, verb = 'get'): Promise<Outcome> {
  const script = ['/bin/sh', '-c', `${shell} exec "$0" "$@"`, ...command, verb] as const
  return await runProgram(script, { env, input: HOST })
}

function spoil(setup: Setup, change: (bytes: string) => string): void {
  setup.keep('fresh')
  setup.withFull(SAYS_FULL)
  writeFileSync(setup.file(), Buffer.from(change(readFileSync(setup.file(), 'latin1')), 'latin1'))
}

const missed = ({ native: one, reference: other }: Both) => {
  expect(one).toEqual(ended(0, FULL))
  expect(other).toEqual(one)
}

describe('a token', () => {
  // The compiler's regular expressions take overlong UTF-8 for the character that it stands for.
  onBoth(
    'whose secret holds bytes that are no UTF-8 is a miss for both',
    async (setup) => {
      spoil(setup, (text) => text.replace('"secret":"', '"secret":"\xc0\xaf'))
      return await setup.get()
    },
    missed,
  )

  // A compiled text can't hold half a character.
  onBoth(
    'whose secret holds half a character is a miss for both',
    async (setup) => {
      spoil(setup, (text) => text.replace('"secret":"', '"secret":"\\ud800'))
      return await setup.get()
    },
    missed,
  )

  onBoth(
    'in JSON nested deeper than 1,000 is a miss for the native front alone',
    async (setup) => {
      const deep = `${'['.repeat(2000)}${']'.repeat(2000)}`
      spoil(setup, (text) => text.replace('{', `{"deep":${deep},`))
      return await setup.get()
    },
    (both) => {
      expect(both.native).toEqual(ended(0, FULL))
      expect(both.reference).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('AWS') })
    },
  )

  // Node reads U+FFFD where the compiled front sees the bytes.
  onBoth(
    'kept under an identity that is no UTF-8 is a miss, or the one that Node kept',
    async (setup) => {
      setup.env['AWS_PROFILE'] = '\u{fffd}'
      setup.keep('fresh')
      setup.withFull(SAYS_FULL)
      return await behind(String.raw`AWS_PROFILE=$(printf '\377');`, setup)
    },
    (both) => {
      expect(both.native).toEqual(ended(0, FULL))
      expect(both.reference).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('AWS') })
    },
  )

  // The compiled front starts with some 100 KB on its stack.
  it('is answered, or nothing is, where the stack is small', async (context) => {
    needs(context, whyNoFront())
    const setup = setUp(native)
    const secret = setup.keep('fresh')
    expect(await behind('ulimit -s 256;', setup)).toEqual(ended(0, reply(secret)))
    expect((await behind('ulimit -s 64;', setup)).stdout).toMatch(/^$|^\{"ServerURL"/)
  })
})

describe('a standard stream that is closed', () => {
  // Node opens /dev/null in its place.
  onBoth(
    'is an empty input for a get',
    async (setup) => {
      setup.withFull('cat; echo "then $?"')
      return await behind('exec <&-;', setup)
    },
    ({ native: one, reference: other }) => {
      expect(one).toEqual(ended(0, 'then 0\n'))
      expect(other).toEqual(one)
    },
  )

  onBoth(
    'is one for list too, which does not read it',
    async (setup) => {
      setup.withFull(SAYS_FULL)
      return await behind('exec <&-;', setup, 'list')
    },
    missed,
  )

  onBoth(
    'is none of the files that the front opens: the store stays as it is',
    async (setup) => {
      setup.keep('fresh')
      const whole = readFileSync(setup.file(), 'utf8')
      const outcome = await behind('exec <&- >&- 2>&-;', setup)
      expect(readFileSync(setup.file(), 'utf8')).toBe(whole)
      return outcome
    },
    ({ native: one, reference: other }) => {
      expect(one).toMatchObject({ stdout: '', stderr: '' })
      expect(other).toMatchObject({ stdout: '', stderr: '' })
    },
  )
})

describe('a full program', () => {
  // Node ignores the one and starts its debugger on the other.
  for (const signal of ['SIGPIPE', 'SIGUSR1'] as const) {
    onBoth(
      `that is killed by ${signal} is never taken for one that answered`,
      async (setup) => {
        setup.withFull(`kill -s ${signal.slice(3)} $$`)
        return await setup.get()
      },
      ({ native: one, reference: other }) => {
        expect(one).toMatchObject({ exitCode: null, signal, stdout: '' })
        expect(other).toMatchObject({ exitCode: 1, signal: null, stdout: '' })
      },
    )
  }

  // Node lets a shell run it, the C library says that it can't be run.
  onBoth(
    'that is a script without an interpreter line is run, or missed with a clear line',
    async (setup) => {
      setup.withFull('')
      writeFileSync(join(setup.folder, 'bin/ecr-cname'), `${SAYS_FULL}\n`)
      return await setup.get()
    },
    ({ native: one, reference: other }) => {
      for (const outcome of [one, other]) {
        expect([ended(0, FULL), ended(1, MISSING, MISSING)]).toContainEqual(outcome)
      }
    },
  )

  // Node passes U+FFFD on in place of the bytes.
  onBoth(
    'is given an argument that is no UTF-8 as one argument',
    async (setup) => {
      setup.withFull('echo $#')
      return await behind(String.raw`set -- "$@" "$(printf '\377')";`, setup)
    },
    ({ native: one, reference: other }) => {
      expect(one).toEqual(ended(0, '3\n'))
      expect(other).toEqual(one)
    },
  )
})

describe('a caller that reads nothing', () => {
  // The compiler's process.stdout.write would swallow this.
  onBoth(
    'because its disk is full gets no success from either',
    async (setup) => {
      setup.keep('fresh')
      return await behind('exec >/dev/full;', setup)
    },
    ({ native: one, reference: other }) => {
      expect(one).toEqual(ended(1, '', "the answer can't be written to stdout (ENOSPC)\n"))
      expect(other).toEqual(one)
    },
  )
})
