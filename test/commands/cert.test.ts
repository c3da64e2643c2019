/** `cert`, by the built program. */

import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporaryFolder } from '../support/folder.ts'
import { ECR_CNAME, runProgram } from '../support/program.ts'

const NAME = 'docker.company.test'

function newUser() {
  const home = temporaryFolder()
  const root = join(home, 'root')
  const tls = join(home, '.config/ecr-cname/tls')
  const at = (engine: string) => join(root, 'etc', engine, 'certs.d', NAME, 'ecr-cname.crt')
  const run = async (...args: string[]) =>
    await runProgram([ECR_CNAME, 'cert', ...args], { env: { HOME: home } })
  return { home, root, tls, at, run }
}

describe('cert', () => {
  it('tells what there is, how to serve it and how to make clients trust it', async () => {
    const { run, tls } = newUser()
    const { stdout, stderr, exitCode } = await run(NAME, '--zone', 'company.test')
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 })
    expect(stdout).toMatch(/certificate issued, holds until \d{4}-\d\d-\d\d/)
    expect(stdout).toContain('vouches for company.test alone')
    expect(stdout).toContain(`--tls-cert ${tls}/${NAME}.crt --tls-key ${tls}/${NAME}.key`)
    expect(stdout).toContain(`/etc/docker/certs.d/${NAME}/ecr-cname.crt`)
    expect(stdout).toContain('sudo update-ca-certificates')
  })

  it('prints it as JSON', async () => {
    const { run } = newUser()
    const facts = JSON.parse((await run(NAME, '--json')).stdout) as Record<string, unknown>
    expect(facts).toMatchObject({ name: NAME, change: 'issued', zones: [NAME] })
  })

  it('installs into a root, and takes back what it put there', async () => {
    const { run, root, tls, at } = newUser()
    const who = ['--root', root, '--for', 'docker', '--for', 'podman', '--for', 'system', '--yes']
    expect(await run(NAME, '--install', ...who)).toMatchObject({ exitCode: 0 })
    const authority = readFileSync(join(tls, 'ca.crt'), 'utf8')
    const system = join(root, `usr/local/share/ca-certificates/ecr-cname-${NAME}.crt`)
    for (const file of [at('docker'), at('containers'), system]) {
      expect(readFileSync(file, 'utf8')).toBe(authority)
    }
    expect((await run(NAME, '--install', ...who)).stderr).toBe('all of them trust it already\n')
    expect(await run(NAME, '--uninstall', ...who)).toMatchObject({ exitCode: 0 })
    expect([at('docker'), at('containers'), system].filter((file) => existsSync(file))).toEqual([])
  })

  it('leaves no empty folder behind that it made', async () => {
    const { run, root, at } = newUser()
    const who = ['--root', root, '--for', 'docker', '--for', 'podman', '--yes']
    mkdirSync(join(root, 'etc/docker'), { recursive: true })
    await run(NAME, '--install', ...who)
    await run(NAME, '--uninstall', '--root', root, '--for', 'docker', '--yes')
    expect(readdirSync(join(root, 'etc')).sort()).toEqual(['containers', 'docker'])
    expect(readdirSync(join(root, 'etc/docker'))).toEqual([])
    expect(existsSync(at('containers'))).toBe(true)
    await run(NAME, '--uninstall', ...who)
    expect(readdirSync(join(root, 'etc'))).toEqual(['docker'])
  })

  it("leaves folders that were there, and those with somebody's file in them", async () => {
    const { run, root, at } = newUser()
    const who = ['--root', root, '--for', 'docker', '--for', 'podman', '--yes']
    mkdirSync(dirname(at('docker')), { recursive: true })
    await run(NAME, '--install', ...who)
    writeFileSync(join(dirname(at('containers')), 'client.key'), '')
    await run(NAME, '--uninstall', ...who)
    expect(readdirSync(dirname(at('docker')))).toEqual([])
    expect(readdirSync(dirname(at('containers')))).toEqual(['client.key'])
  })

  it('of a wildcard is for the system, since engines trust by whole names', async () => {
    const { run, root } = newUser()
    const name = '*.company.test'
    const { stdout } = await run(name)
    expect(stdout).toContain("ecr-cname cert '*.company.test' --install")
    expect(stdout).not.toContain('certs.d')
    expect(await run(name, '--install', '--root', root, '--yes')).toMatchObject({ exitCode: 0 })
    const file = 'usr/local/share/ca-certificates/ecr-cname-_.company.test.crt'
    expect(stdout).toContain(`/${file} && sudo update-ca-certificates`)
    expect(existsSync(join(root, file))).toBe(true)
    expect(existsSync(join(root, 'etc'))).toBe(false)
    expect(await run(name, '--for', 'docker')).toMatchObject({
      stderr: 'ecr-cname: cert: docker trusts by whole names, not by *.company.test\n',
      exitCode: 2,
    })
  })

  it("leaves another authority's file alone when it takes back its own", async () => {
    const { run, root, at } = newUser()
    await run(NAME)
    mkdirSync(dirname(at('docker')), { recursive: true })
    writeFileSync(at('docker'), 'of somebody else')
    const { stderr } = await run(NAME, '--uninstall', '--for', 'docker', '--root', root, '--yes')
    expect(stderr).toBe('nobody here trusts it\n')
    expect(readFileSync(at('docker'), 'utf8')).toBe('of somebody else')
  })

  it('is for all users to trust, whatever the umask of root is', async () => {
    const { run, root, at } = newUser()
    const umask = process.umask(0o077)
    await run(NAME, '--install', '--for', 'podman', '--root', root, '--yes')
    process.umask(umask)
    const modes = [dirname(at('containers')), at('containers')].map(
      (path) => statSync(path).mode & 0o777,
    )
    expect(modes).toEqual([0o755, 0o644])
  })

  it('says in one line where it can found no authority', async () => {
    const { run, home } = newUser()
    writeFileSync(join(home, 'file'), '')
    expect(await run(NAME, '--dir', join(home, 'file/tls'))).toMatchObject({
      stderr: `ecr-cname: ${home}/file/tls: can't be written (ENOTDIR); name another folder with --dir\n`,
      exitCode: 1,
    })
  })

  it('changes nothing where there is no terminal to ask on', async () => {
    const { run, root, at } = newUser()
    const { stderr, exitCode } = await run(NAME, '--install', '--for', 'docker', '--root', root)
    expect(exitCode).toBe(2)
    expect(stderr).toMatch(/There is no terminal to ask at; give --yes\n$/)
    expect(existsSync(at('docker'))).toBe(false)
  })

  it('says in one line what it may not write', async () => {
    const { run, home } = newUser()
    writeFileSync(join(home, 'file'), '')
    const args = ['--install', '--for', 'docker', '--root', join(home, 'file'), '--yes']
    const { stderr, exitCode } = await run(NAME, ...args)
    expect(exitCode).toBe(1)
    expect(stderr.trim().split('\n').at(-1)).toMatch(/can't be changed \(ENOTDIR\); run it as root/)
  })

  it.each([
    [[], /expected one HOST/],
    [['a.test', 'b.test'], /expected one HOST/],
    [['https://a.test/x'], /expected one HOST/],
    [[NAME, '--install', '--uninstall'], /not both/],
    [[NAME, '--for', 'helm'], /--for: expected docker or podman/],
  ])('is used wrongly with %j', async (args, message) => {
    const { stderr, exitCode } = await newUser().run(...args)
    expect(exitCode).toBe(2)
    expect(stderr).toMatch(message)
  })

  it('has nothing to take back before there was an authority', async () => {
    const { stderr, exitCode } = await newUser().run(NAME, '--uninstall', '--yes')
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(/no authority was founded there/)
  })
})
