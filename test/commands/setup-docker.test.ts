/** `setup docker`, by the built program. */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ECR_CNAME, HELPER, runProgram } from '../support/program.ts'
import { CNAME, ECR, writeTree } from '../support/user.ts'
import { temporaryFolder } from '../support/folder.ts'
import { becomeNobody } from '../support/nobody.ts'
import { runHere } from './people.ts'
import { newHome, newSystem } from './setting-up.ts'

const auth = (user: string, password: string) => btoa(`${user}:${password}`)

function newUser(config: unknown) {
  const home = temporaryFolder()
  const file = join(home, '.docker/config.json')
  const text = typeof config === 'string' ? config : JSON.stringify(config, null, '\t')
  if (config !== undefined) writeTree(home, { '.docker/config.json': text })
  writeTree(home, {
    '.config/ecr-cname/config.json': JSON.stringify({ registries: { [CNAME]: ECR } }),
  })
  const env = { HOME: home }
  const setup = async (...args: string[]) =>
    await runProgram([ECR_CNAME, 'setup', 'docker', ...args], { env })
  const read = () => JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
  return { home, file, text, env, setup, read }
}

describe('setup docker', () => {
  it('has all registries answered, and undoes it to the byte', async () => {
    const { setup, read, file, text } = newUser({ proxies: { default: {} } })
    const { stdout, exitCode } = await setup('--yes')
    expect(exitCode).toBe(0)
    expect(stdout).toContain('+\t"credsStore": "ecr-cname"')
    expect(read()).toEqual({ proxies: { default: {} }, credsStore: 'ecr-cname' })
    expect((await setup('--undo', '--yes')).exitCode).toBe(0)
    expect(readFileSync(file, 'utf8')).toBe(text)
  })

  it('makes a configuration where there is none, and takes it away again', async () => {
    const { setup, read, home } = newUser(undefined)
    await setup('--yes')
    expect(read()).toEqual({ credsStore: 'ecr-cname' })
    await setup('--undo', '--yes')
    expect(existsSync(join(home, '.docker'))).toBe(false)
  })

  it('says what else a pull needs', async () => {
    const none = newSystem({}, {})
    expect((await none.agree('docker')).stderr).toContain(
      "note: no name is mapped, so only ECR's own names are served; next: ecr-cname map add HOST ECR_HOST\n",
    )
    const mapped = newSystem({}, { registries: { [ECR]: { profile: 'dev' }, [CNAME]: ECR } })
    expect((await mapped.agree('docker')).stderr).toContain(
      `note: docker goes to the name itself, where a sidecar has to serve it; whether one does, says: ecr-cname doctor ${CNAME}\n`,
    )
    const own = newSystem({}, { registries: { [ECR]: { profile: 'dev' } } })
    expect((await own.agree('docker')).stderr).not.toContain('sidecar')
  })

  it('has one name answered, and leaves the rest', async () => {
    const { setup, read } = newUser({ credsStore: 'pass', credHelpers: { 'gcr.test': 'gcr' } })
    expect((await setup(CNAME, '--yes')).exitCode).toBe(0)
    expect(read()).toEqual({
      credsStore: 'pass',
      credHelpers: { 'gcr.test': 'gcr', [CNAME]: 'ecr-cname' },
    })
  })

  it('makes a helper that it displaces the fallback, and undoes that too', async () => {
    const { setup, read, home } = newUser({ credsStore: 'secretservice' })
    const { stderr } = await setup('--yes')
    expect(stderr).toContain('docker-credential-secretservice becomes the fallback')
    const own = join(home, '.config/ecr-cname/config.json')
    expect(JSON.parse(readFileSync(own, 'utf8'))).toMatchObject({ fallback: 'secretservice' })
    await setup('--undo', '--yes')
    expect(JSON.parse(readFileSync(own, 'utf8'))).toEqual({ registries: { [CNAME]: ECR } })
    expect(read()).toEqual({ credsStore: 'secretservice' })
  })

  it("takes the place of Amazon's helper", async () => {
    const { setup, read } = newUser({
      credsStore: 'ecr-login',
      credHelpers: { [ECR]: 'ecr-login' },
    })
    await setup('--yes')
    expect(read()).toEqual({ credsStore: 'ecr-cname', credHelpers: { [ECR]: 'ecr-cname' } })
  })

  it('loses no login that docker kept itself, and shows none', async () => {
    const auths = { 'ghcr.test': { auth: auth('me', 'hidden:password') } }
    const { setup, env, read } = newUser({ auths })
    const { stdout, stderr } = await setup('--yes')
    expect(stderr).toContain('the login for ghcr.test is copied')
    expect(stdout + stderr).not.toContain(auths['ghcr.test'].auth)
    const answer = await runProgram([...HELPER, 'get'], { env, input: 'ghcr.test' })
    expect(JSON.parse(answer.stdout)).toMatchObject({ Username: 'me', Secret: 'hidden:password' })
    expect(read()['auths']).toEqual(auths)
  })

  it('changes nothing a second time', async () => {
    const { setup, file } = newUser({})
    await setup('--yes')
    const once = readFileSync(file, 'utf8')
    const { stdout, stderr, exitCode } = await setup('--yes')
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 0 })
    expect(stderr).toContain('set up already')
    expect(readFileSync(file, 'utf8')).toBe(once)
  })

  it('only shows with --dry-run, and refuses where there is no terminal', async () => {
    const { setup, file, text } = newUser({ a: 1 })
    expect(await setup('--dry-run')).toMatchObject({ exitCode: 0 })
    const { stderr, exitCode } = await setup()
    expect(exitCode).toBe(2)
    expect(stderr).toContain('There is no terminal to ask at; give --yes')
    expect(readFileSync(file, 'utf8')).toBe(text)
  })

  it.each([
    ['a BOM and CRLF', '\uFEFF{\r\n  "a": 1\r\n}\r\n'],
    ['tabs and no end of line', '{\n\t"a": 1}'],
    ['one line', '{"a":1}'],
    ['nothing', ''],
  ])('keeps the layout of a file with %s, and gives it back', async (_, text) => {
    const { setup, file } = newUser(text)
    await setup('--yes')
    const after = readFileSync(file, 'utf8')
    expect(JSON.parse(after.replace(/^\uFEFF/, ''))).toMatchObject({ credsStore: 'ecr-cname' })
    expect(after.includes('\r\n')).toBe(text.includes('\r\n'))
    await setup('--undo', '--yes')
    expect(readFileSync(file, 'utf8')).toBe(text)
  })

  it.each([
    ['comments', '{\n  // mine\n  "a": 1\n}', /config\.json: line 2, column 3: expected JSON/],
    ['a missing bracket', '{"auths": {', /config\.json: line 1, column 12: expected JSON/],
    ['a list', '[]', /config\.json: expected an object/],
  ])('never overwrites a file with %s', async (_, text, message) => {
    const { setup, file } = newUser(text)
    const { stderr, exitCode } = await setup('--yes')
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(message)
    expect(readFileSync(file, 'utf8')).toBe(text)
  })

  it('asks for a mapping first', async () => {
    const { stderr, exitCode } = await newUser({}).setup('other.test', '--yes')
    expect(exitCode).toBe(1)
    expect(stderr).toContain('first: ecr-cname map add other.test ECR_HOST')
  })

  it('sets up an image below a folder', async () => {
    const root = temporaryFolder()
    writeTree(root, {
      'etc/ecr-cname/config.json': JSON.stringify({ registries: { [CNAME]: ECR } }),
      'root/.docker/config.json': '{}',
    })
    const args = ['setup', 'docker', CNAME, '--root', root, '--yes']
    const env = { HOME: '/root', DOCKER_CONFIG: '/nowhere' }
    expect(await runProgram([ECR_CNAME, ...args], { env })).toMatchObject({ exitCode: 0 })
    const text = readFileSync(join(root, 'root/.docker/config.json'), 'utf8')
    expect(JSON.parse(text)).toEqual({ credHelpers: { [CNAME]: 'ecr-cname' } })
    expect(await runProgram([ECR_CNAME, ...args, '--undo'], { env })).toMatchObject({ exitCode: 0 })
    expect(readFileSync(join(root, 'root/.docker/config.json'), 'utf8')).toBe('{}')
  })

  it('has docker trust the authority that stands for a name, and no other', async () => {
    const other = 'docker.elsewhere.test'
    const { root, agree, read, has, everything } = newSystem(
      {},
      { registries: { [CNAME]: ECR, [other]: ECR } },
    )
    const env = { HOME: '/root' }
    const dir = join(root, 'etc/ecr-cname/tls')
    await runProgram([ECR_CNAME, 'cert', CNAME, '--zone', 'company.test', '--dir', dir], { env })
    const before = everything()
    await agree('docker')
    const file = `etc/docker/certs.d/${CNAME}/ecr-cname.crt`
    expect(read(file)).toBe(read('etc/ecr-cname/tls/ca.crt'))
    expect(has(`etc/docker/certs.d/${other}`)).toBe(false)
    await agree('docker', '--undo')
    expect(everything()).toEqual(before)
  })

  it('tells a user how root has docker trust it', async () => {
    const { root, env, at } = newHome()
    const dir = at('.config/ecr-cname/tls')
    await runProgram([ECR_CNAME, 'cert', CNAME, '--dir', dir], { env: { HOME: root } })
    becomeNobody(root)
    const { exitCode, stderr } = await runHere({ env }, ['setup', 'docker', '--yes'], {})
    expect(exitCode).toBe(0)
    expect(stderr).toContain(`sudo ecr-cname cert ${CNAME} --dir ${dir} --install --for docker\n`)
  })
})
