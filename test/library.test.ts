/** The npm package's library, as somebody outside uses it: by its name, out of dist/lib. */

import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { examples } from './support/readme.ts'
import { runProgram } from './support/program.ts'
import { CNAME, ECR, emulated, mints, newUser } from './support/user.ts'

const README_NAME = 'docker.company.com'

async function someone() {
  const emulator = await emulated()
  const user = newUser(emulator)
  user.configure({
    registries: { [README_NAME]: ECR, [CNAME]: { registry: ECR, profile: 'none' } },
  })
  mkdirSync(join(user.home, 'node_modules'))
  symlinkSync(resolve('.'), join(user.home, 'node_modules/ecr-cname'))
  const run = async (name: string, code: string) => {
    writeFileSync(join(user.home, name), code)
    return await runProgram([process.execPath, name], { env: user.env, cwd: user.home })
  }
  return { emulator, user, run }
}

describe('the library', () => {
  it("runs README's example as a module", async () => {
    const { run, user, emulator } = await someone()
    const code = `${examples('In a program of yours', 'js')[0]}\nconsole.log(JSON.stringify({ expiresAt, auths }))`
    const { stdout, stderr, exitCode } = await run('example.mjs', code)
    const lines = stdout.trim().split('\n')

    expect([exitCode, stderr]).toEqual([0, ''])
    expect(lines[0]).toBe(ECR)
    const secret = await user.secret(README_NAME)
    expect(lines[1]).toBe(`AWS ${secret.length}`)
    const auth = btoa(`AWS:${secret}`)
    expect(JSON.parse(lines[2] ?? '')).toEqual({
      expiresAt: expect.stringMatching(/^\d{4}-/) as string,
      auths: { [ECR]: { auth }, [README_NAME]: { auth } },
    })
    expect(mints(emulator)).toBe(1)
  })

  it('can be required', async () => {
    const { run } = await someone()
    const code = `const { resolve, parseRegistry } = require('ecr-cname')
resolve('${CNAME}').then(({ host, registry, profile }) =>
  console.log(host, profile, registry.account === parseRegistry('${ECR}').account))`

    expect(await run('example.cjs', code)).toMatchObject({
      stdout: `${CNAME} none true\n`,
      stderr: '',
      exitCode: 0,
    })
  })

  it('answers with a token past its renewal at once, and renews it behind the answer', async () => {
    const { run, user, emulator } = await someone()
    const old = await user.secret(README_NAME)
    user.alter((entry) => ({ ...entry, refreshAt: Date.now() - 1 }))
    const code = `import { credentials } from 'ecr-cname'
console.log((await credentials('${README_NAME}')).password)`

    expect((await run('example.mjs', code)).stdout).toBe(`${old}\n`)
    expect(mints(emulator)).toBe(2)
    expect(await user.secret(README_NAME)).not.toBe(old)
  })

  it('throws errors that say by code and text what is lacking', async () => {
    const { run } = await someone()
    const code = `import { credentials, dockercfg, pull, resolve, UserError } from 'ecr-cname'
for (const ask of [() => resolve('quay.io'), () => credentials('${CNAME}'), () => dockercfg()]) {
  await ask().catch((error) => console.log(error instanceof UserError, error.code, error.message))
}`
    const { stdout } = await run('example.mjs', code)

    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(/^true CONFIG quay\.io: neither mapped nor an ECR host/),
      expect.stringMatching(/^true NO_CREDENTIALS .*profile none gives no credentials/),
      expect.stringMatching(/^true NO_CREDENTIALS .*profile none gives no credentials/),
      '',
    ])
  })

  it('loads nothing of AWS before it is asked for credentials', async () => {
    const { run, user } = await someone()
    const code = `require('ecr-cname')
console.log(process.moduleLoadList.some((name) => /NativeModule https?$/.test(name)))`

    expect((await run('example.cjs', code)).stdout).toBe('false\n')
    expect(user.tokens()).toEqual([])
  })

  it.each([
    ['types.mts', 'nodenext'],
    ['types.mts', 'node16'],
    ['types.cts', 'node16'],
  ])('is typed for %s and module %s, with the types of Node alone', async (file, module) => {
    const { user } = await someone()
    const code = `import { credentials, type Credentials, dockercfg, pull, resolve, UserError } from 'ecr-cname'
export const one: Promise<Credentials> = credentials('a')
export const two: Promise<string | undefined> = resolve('a').then(({ registry }) => registry.account)
export const three: Promise<string[]> = dockercfg(['a']).then(({ auths }) => Object.keys(auths))
export const four: UserError['code'] = 'CONFIG'
export const five: Promise<string> = pull({ reference: 'a', output: 'b' }).then(({ digest }) => digest)
// @ts-expect-error: it is a text.
credentials(1)
`
    writeFileSync(join(user.home, file), code)
    const types = ['--typeRoots', resolve('node_modules/@types'), '--types', 'node']
    const flags = ['--noEmit', '--strict', '--module', module, ...types, file]
    const outcome = await runProgram([resolve('node_modules/.bin/tsc'), ...flags], {
      env: user.env,
      cwd: user.home,
    })

    expect(outcome).toMatchObject({ stdout: '', exitCode: 0 })
  })
})
