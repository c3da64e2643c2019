/** `setup containerd`: all versions of its configuration. */

import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { parse } from 'smol-toml'
import { describe, expect, it } from 'vitest'
import { majorIn, planContainerd } from '../../src/setup/containerd.ts'
import { parseToml, valueAt } from '../../src/setup/toml.ts'
import { becomeNobody } from '../support/nobody.ts'
import { CNAME, ECR } from '../support/user.ts'
import { runHere } from './people.ts'
import { newHome, newSystem } from './setting-up.ts'

const MAIN = 'etc/containerd/config.toml'
const HOSTS = `etc/containerd/certs.d/${CNAME}/hosts.toml`
const FOLDER = '/etc/containerd/certs.d'
const TABLES = {
  1: ['plugins', 'cri', 'registry'],
  2: ['plugins', 'io.containerd.grpc.v1.cri', 'registry'],
  3: ['plugins', 'io.containerd.cri.v1.images', 'registry'],
} as const

/** A table's head, by the version of the configuration. */
const head = (version: 1 | 2 | 3, more = '') =>
  `[${TABLES[version].map((key) => (key.includes('.') ? `"${key}"` : key)).join('.')}${more}]`

const pathIn = (text: string, version: 1 | 2 | 3) =>
  valueAt(parseToml('', text), [...TABLES[version], 'config_path'])

describe('setup containerd', () => {
  it('has the name pulled from the ECR host, and undoes it to the byte', async () => {
    const { agree, read, everything } = newSystem({ [MAIN]: 'version = 2\n' })
    const before = everything()
    const { stderr } = await agree('containerd')
    expect(parse(read(HOSTS))).toEqual({
      server: `https://${CNAME}`,
      host: { [`https://${ECR}`]: { capabilities: ['pull', 'resolve', 'push'] } },
    })
    expect(pathIn(read(MAIN), 2)).toBe(FOLDER)
    expect(stderr).toContain('now run: systemctl restart containerd')
    await agree('containerd', '--undo')
    expect(everything()).toEqual(before)
  })

  it('puts the prefix of a mapping into the path', async () => {
    const { agree, read } = newSystem(
      {},
      { registries: { [CNAME]: { registry: ECR, prefix: 'a/b/' } } },
    )
    await agree('containerd')
    expect(parse(read(HOSTS))['host']).toEqual({
      [`https://${ECR}/v2/a/b`]: { capabilities: ['pull', 'resolve', 'push'], override_path: true },
    })
  })

  it.each([
    ['version 2 without the table', 'version = 2\n', 2],
    ['version 2 with the table', `version = 2\n${head(2)}\n  # none yet\n`, 2],
    ['version 2 with an empty path', `version = 2\n${head(2)}\n  config_path = ""\n`, 2],
    ['version 2 with a table below', `version = 2\n${head(2, '.headers')}\n  A = ["b"]\n`, 2],
    ['no version, which is 1', `[plugins.cri.registry]\n`, 1],
    ['version 3', `version = 3\n${head(3)}\n  config_path = ''\n`, 3],
    // As 2.2 has it by default: it takes the whole for the name of one folder.
    [
      'version 3 with a list',
      `version = 3\n${head(3)}\nconfig_path = '${FOLDER}:/etc/docker/certs.d'\n`,
      3,
    ],
    ['no end of line', 'version = 2', 2],
    ['nothing in it', '', 2],
    ['a BOM', '\uFEFFversion = 2\n', 2],
  ] as const)('has the hosts read where there is %s', async (_, text, version) => {
    const { agree, read, everything } = newSystem({ [MAIN]: text })
    const before = everything()
    await agree('containerd')
    expect(pathIn(read(MAIN), version)).toBe(FOLDER)
    const once = everything()
    expect(await agree('containerd')).toMatchObject({ stdout: '' })
    expect(everything()).toEqual(once)
    await agree('containerd', '--undo')
    expect(everything()).toEqual(before)
  })

  it('keeps comments, unknown keys, tabs and CRLF', async () => {
    const text = `# ours\r\nversion = 2\r\n\r\n${head(2)} # hosts\r\n\tconfig_path = "" # later\r\n\tfoo = 1\r\n`
    const { agree, read } = newSystem({ [MAIN]: text })
    await agree('containerd')
    expect(read(MAIN)).toBe(text.replace('config_path = ""', `config_path = "${FOLDER}"`))
  })

  it('lays the hosts where the configuration looks for them, and leaves it alone', async () => {
    const text = `version = 2\n${head(2)}\nconfig_path = "/srv/hosts:/srv/more"\n`
    const { agree, read, has } = newSystem({ [MAIN]: text })
    const { stderr } = await agree('containerd')
    expect(has(`srv/hosts/${CNAME}/hosts.toml`)).toBe(true)
    expect(read(MAIN)).toBe(text)
    expect(stderr).not.toContain('restart')
  })

  it('follows what is imported', async () => {
    const imported = `version = 2\n${head(2)}\nconfig_path = "/srv/hosts"\n`
    const main = 'version = 2\nimports = ["/etc/containerd/conf.d/*.toml"]\n'
    const { agree, read, has } = newSystem({
      [MAIN]: main,
      'etc/containerd/conf.d/a.toml': imported,
    })
    await agree('containerd')
    expect(has(`srv/hosts/${CNAME}/hosts.toml`)).toBe(true)
    expect(read(MAIN)).toBe(main)
  })

  it.each(['mirrors', 'configs'])('refuses where registry.%s stand in its way', async (key) => {
    const table = head(2, `.${key}."docker.io"`)
    const text = `version = 2\n${table}\n  endpoint = ["https://mirror.test"]\n`
    const { setup, read, has } = newSystem({ [MAIN]: text })
    const { exitCode, stderr } = await setup(['containerd', '--yes'])
    expect(exitCode).toBe(1)
    expect(stderr).toContain(`registry.${key} and a folder of hosts exclude each other`)
    expect(read(MAIN)).toBe(text)
    expect(has(HOSTS)).toBe(false)
  })

  it("leaves a configuration whose CRI is off, as Docker's packages have it", async () => {
    const text = 'disabled_plugins = ["cri"]\n'
    const { agree, read, has } = newSystem({ [MAIN]: text })
    expect((await agree('containerd')).stderr).toContain('has the CRI disabled')
    expect(read(MAIN)).toBe(text)
    expect(has(HOSTS)).toBe(true)
  })

  it('asks for an edit by hand where a table stands in another form', async () => {
    const text =
      'version = 2\nplugins."io.containerd.grpc.v1.cri".registry = { config_path = "" }\n'
    const { setup, read } = newSystem({ [MAIN]: text })
    const { exitCode, stderr } = await setup(['containerd', '--yes'])
    expect(exitCode).toBe(1)
    expect(stderr).toContain(`write config_path = "${FOLDER}" into [plugins.`)
    expect(read(MAIN)).toBe(text)
  })

  it('never overwrites a broken file', async () => {
    const text = 'version = 2\n[plugins\n'
    const { setup, read, at } = newSystem({ [MAIN]: text })
    const { exitCode, stderr } = await setup(['containerd', '--yes'])
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(new RegExp(`${at(MAIN)}: line 2, column \\d+: expected TOML; mend it`))
    expect(read(MAIN)).toBe(text)
  })

  it('says whose hosts.toml it replaces, and gives it back', async () => {
    const { agree, at, everything } = newSystem({ [HOSTS]: 'server = "https://mine.test"\n' })
    const before = everything()
    expect((await agree('containerd')).stderr).toContain(`${at(HOSTS)} is somebody's`)
    await agree('containerd', '--undo')
    expect(everything()).toEqual(before)
  })

  it('changes nothing where the files have changed since they were shown', async () => {
    const { setup, read, at, has } = newSystem({ [MAIN]: 'version = 2\n' })
    const { exitCode, stderr } = await setup(['containerd'], {
      ask: async () => {
        writeFileSync(at(MAIN), 'version = 2\nroot = "/srv"\n')
        return 'yes'
      },
    })
    expect(exitCode).toBe(1)
    expect(stderr).toContain('changed in the meantime, and nothing was done')
    expect(read(MAIN)).toBe('version = 2\nroot = "/srv"\n')
    expect(has(HOSTS)).toBe(false)
  })

  it('changes nothing without a yes, nor without a terminal to ask at', async () => {
    const { setup, everything } = newSystem()
    const before = everything()
    expect(await setup(['containerd'], { ask: async () => 'no' })).toMatchObject({ exitCode: 1 })
    const { exitCode, stderr } = await setup(['containerd'])
    expect(exitCode).toBe(2)
    expect(stderr).toContain('There is no terminal to ask at; give --yes')
    expect(everything()).toEqual(before)
  })

  it('changes none of the files where one can not be written', async () => {
    const system = newSystem({ [MAIN]: 'version = 2\n' })
    mkdirSync(system.at('etc/containerd/certs.d'))
    becomeNobody(system.root)
    const before = system.everything()
    chmodSync(system.at('etc/containerd'), 0o555)
    const { exitCode, stderr } = await system.setup(['containerd', '--yes'])
    chmodSync(system.at('etc/containerd'), before[system.at('etc/containerd')]![0] as number)
    expect(exitCode).toBe(1)
    expect(stderr).toContain(
      `${system.at(MAIN)}: can't be changed (EACCES); run it as root. Nothing`,
    )
    expect(system.everything()).toEqual(before)
  })

  it('shows a user what root would do, and how to have it done', async () => {
    const { root, env, at, everything } = newHome()
    becomeNobody(root)
    const before = everything()
    const args = ['setup', 'containerd', CNAME]
    const { exitCode, stdout, stderr } = await runHere({ env }, args, { self: ['/bin/ecr-cname'] })
    expect(exitCode).toBe(1)
    expect(stdout).toContain(`+++ ${FOLDER}/${CNAME}/hosts.toml`)
    const config = at('.config/ecr-cname/config.json')
    expect(stderr).toContain(
      `run: sudo env ECR_CNAME_CONFIG=${config} /bin/ecr-cname setup containerd ${CNAME}\n`,
    )
    expect(await runHere({ env }, ['setup', 'containerd', '--undo'], {})).toMatchObject({
      exitCode: 1,
    })
    expect(everything()).toEqual(before)
  })

  it('says that a file is not for a user to read', async () => {
    const system = newSystem({ [MAIN]: 'version = 2\n' })
    becomeNobody(system.root)
    chmodSync(system.at(MAIN), 0)
    const { exitCode, stderr } = await system.setup(['containerd', '--yes'])
    expect(exitCode).toBe(1)
    expect(stderr).toContain(`${system.at(MAIN)}: can't be read (EACCES); run it as root`)
    chmodSync(system.at(MAIN), 0o600)
    expect(readFileSync(system.at(MAIN), 'utf8')).toBe('version = 2\n')
  })
})

describe('the containerd that is installed', () => {
  it.each([
    ['containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1', 2],
    ['containerd containerd.io 1.7.27 05044ec0a9a75232cad458027ca83437aae3f4da', 2],
    ['containerd github.com/containerd/containerd/v2 v2.1.4 75cb2b71', 3],
    ['', 2],
  ] as const)('%j decides that a new file is of version %i', (said, version) => {
    const at = (path: string) => `/nowhere${path}`
    const { changes } = planContainerd({ at, mappings: [], major: majorIn(said) })
    const text = changes.at(-1)?.content?.toString() ?? ''
    expect(parse(text)).toMatchObject({ version })
    expect(pathIn(text, version)).toBe(FOLDER)
  })

  it('as 2.x gets one folder in place of a list, in a file of version 2 too', () => {
    const list = `version = 2\n${head(2)}\nconfig_path = "${FOLDER}:/etc/docker/certs.d"\n`
    const { at } = newSystem({ [MAIN]: list })
    const changed = planContainerd({ at, mappings: [], major: 2 }).changes
    expect(pathIn(changed[0]?.content?.toString() ?? '', 2)).toBe(FOLDER)
    expect(planContainerd({ at, mappings: [], major: 1 }).changes).toEqual([])
  })

  it('refuses a version that it no longer reads', async () => {
    const { at } = newSystem({ [MAIN]: 'root = "/srv"\n' })
    expect(() => planContainerd({ at, mappings: [], major: 2 })).toThrow(
      /containerd config migrate/,
    )
  })
})
