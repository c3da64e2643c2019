/** `setup podman`: also buildah, skopeo and CRI-O. */

import { lstatSync, mkdirSync, symlinkSync } from 'node:fs'
import { parse } from 'smol-toml'
import { describe, expect, it } from 'vitest'
import { CNAME, ECR } from '../support/user.ts'
import { becomeNobody } from '../support/nobody.ts'
import { runHere } from './people.ts'
import { newHome, newSystem } from './setting-up.ts'

const FILE = 'etc/containers/registries.conf.d/zz-ecr-cname.conf'
const OWN = 'etc/ecr-cname/config.json'
const REGISTRY = { prefix: CNAME, location: ECR }

describe('setup podman', () => {
  it('has the name pulled from the ECR host, with our helper asked, and undoes it', async () => {
    const { agree, read, everything } = newSystem()
    const before = everything()
    const { stdout } = await agree('podman')
    expect(stdout).toContain(`+prefix = "${CNAME}"`)
    expect(parse(read(FILE))).toEqual({
      'credential-helpers': ['containers-auth.json', 'ecr-cname'],
      registry: [REGISTRY],
    })
    await agree('podman', '--undo')
    expect(everything()).toEqual(before)
  })

  it('changes nothing a second time', async () => {
    const { agree, everything } = newSystem()
    await agree('podman')
    const once = everything()
    expect(await agree('podman')).toMatchObject({ stdout: '' })
    expect(everything()).toEqual(once)
  })

  it('keeps the helpers that are asked already', async () => {
    const { agree, read } = newSystem({
      'etc/containers/registries.conf': 'credential-helpers = ["secretservice"]\n',
      'etc/containers/registries.conf.d/10.conf': 'credential-helpers = ["pass", "ecr-login"]\n',
    })
    await agree('podman')
    expect(parse(read(FILE))['credential-helpers']).toEqual(['pass', 'ecr-login', 'ecr-cname'])
  })

  it('names the files that speak of the same name, and which one counts', async () => {
    const text = `[[registry]]\nlocation = "${CNAME}"\n`
    const { agree, at } = newSystem({
      'etc/containers/registries.conf.d/10.conf': text,
      'etc/containers/registries.conf.d/zzz.conf': `credential-helpers = ["pass"]\n${text}`,
    })
    const { stderr } = await agree('podman')
    const [early, late] = ['10', 'zzz'].map((name) =>
      at(`etc/containers/registries.conf.d/${name}.conf`),
    )
    expect(stderr).toContain(`${early} speaks of ${CNAME} too; ${at(FILE)} comes after it`)
    expect(stderr).toContain(`${late} speaks of ${CNAME} too; it comes after ${at(FILE)}`)
    expect(stderr).toContain(`${late} names credential-helpers without ecr-cname`)
  })

  it('adds a name to those of an earlier setup, and takes all away at once', async () => {
    const other = 'images.company.test'
    const system = newSystem({}, { registries: { [CNAME]: ECR, [other]: ECR } })
    const before = system.everything()
    await system.agree('podman', other)
    await system.agree('podman', CNAME)
    expect(parse(system.read(FILE))['registry']).toEqual([
      { prefix: other, location: ECR },
      REGISTRY,
    ])
    await system.agree('podman', '--undo')
    expect(system.everything()).toEqual(before)
  })

  it("says of the ECR host what is said of the name's identity, for that host is asked for", async () => {
    const identity = { profile: 'prod', roleArn: 'arn:aws:iam::123456789012:role/pull' }
    const mapping = { registry: ECR, ...identity, prefix: 'team-a/' }
    const system = newSystem({}, { registries: { [CNAME]: mapping } })
    const before = system.everything()
    await system.agree('podman')
    expect(parse(system.read(FILE))['registry']).toEqual([
      { prefix: CNAME, location: `${ECR}/team-a` },
    ])
    expect(JSON.parse(system.read(OWN))).toEqual({
      registries: { [CNAME]: mapping, [ECR]: identity },
    })
    await system.agree('podman', '--undo')
    expect(system.everything()).toEqual(before)
  })

  it('leaves what the configuration says of the ECR host', async () => {
    const registries = { [CNAME]: { registry: ECR, profile: 'prod' }, [ECR]: { profile: 'dev' } }
    const { agree, read } = newSystem({}, { registries })
    await agree('podman')
    expect(JSON.parse(read(OWN))).toEqual({ registries })
  })

  it('takes a name as clients write it', async () => {
    const { agree, read } = newSystem()
    await agree('podman', `https://${CNAME.toUpperCase()}/team/`)
    expect(parse(read(FILE))['registry']).toEqual([REGISTRY])
  })

  it('takes a wildcard only by the names that it covers', async () => {
    const registries = { '*.dkr.company.test': ECR }
    const { setup, agree, read } = newSystem({}, { registries })
    await expect(setup(['podman', '--yes'])).resolves.toMatchObject({ exitCode: 1 })
    await agree('podman', 'one.dkr.company.test')
    expect(parse(read(FILE))['registry']).toEqual([
      { prefix: 'one.dkr.company.test', location: ECR },
    ])
  })

  it('never guesses at a broken file', async () => {
    const file = 'etc/containers/registries.conf.d/10.conf'
    const { setup, at, has } = newSystem({ [file]: 'unqualified-search-registries = [\n"a"\n' })
    const { exitCode, stderr } = await setup(['podman', '--yes'])
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(
      new RegExp(`${at(file)}: line \\d+, column \\d+: expected TOML; mend it`),
    )
    expect(has(FILE)).toBe(false)
  })

  it('is for the one user who is not root', async () => {
    const { root, read, env, everything } = newHome()
    becomeNobody(root)
    const before = everything()
    const world = { ask: async () => 'y' }
    await expect(runHere({ env }, ['setup', 'podman'], world)).resolves.toMatchObject({
      exitCode: 0,
    })
    const file = '.config/containers/registries.conf.d/zz-ecr-cname.conf'
    expect(parse(read(file))).toMatchObject({ registry: [REGISTRY] })
    await runHere({ env }, ['setup', 'podman', '--undo'], world)
    expect(everything()).toEqual(before)
  })

  it('says where no engine of the kind is here, and is written all the same', async () => {
    const { root, env } = newHome()
    becomeNobody(root)
    const { exitCode, stderr } = await runHere({ env }, ['setup', 'podman', '--yes'], {})
    expect(exitCode).toBe(0)
    expect(stderr).toContain('none is here of podman, buildah, skopeo, crio')
  })

  it('goes through a link of the administrator', async () => {
    const { agree, at, has } = newSystem({ 'srv/conf.d/empty': '' })
    mkdirSync(at('etc/containers'))
    symlinkSync('../../srv/conf.d', at('etc/containers/registries.conf.d'))
    await agree('podman')
    expect(has('srv/conf.d/zz-ecr-cname.conf')).toBe(true)
    await agree('podman', '--undo')
    expect(has('srv/conf.d/zz-ecr-cname.conf')).toBe(false)
    expect(lstatSync(at('etc/containers/registries.conf.d')).isSymbolicLink()).toBe(true)
  })
})
