/** `setup dcos`: an agent, from within a container that sees its folders, and Marathon's files. */

import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { unpackTar } from 'modern-tar'
import { planMarathon } from '../../src/setup/marathon.ts'
import { ECR_CNAME, runProgram } from '../support/program.ts'
import { temporaryFolder } from '../support/folder.ts'
import { becomeNobody } from '../support/nobody.ts'
import { CNAME, ECR } from '../support/user.ts'
import { runHere } from './people.ts'
import { newHome, newSystem } from './setting-up.ts'

const KEYS = { AWS_ACCESS_KEY_ID: 'AKIA0000000000000000', AWS_SECRET_ACCESS_KEY: 'secret' }
const ARCHIVE = 'etc/docker.tar.gz'

/** A folder with both programs, as an image has them. */
function newPrograms() {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'ecr-cname'), 'the program')
  writeFileSync(join(folder, 'docker-credential-ecr-cname'), 'the helper')
  return { self: [join(folder, 'ecr-cname')] as const }
}

describe('setup dcos', () => {
  it('lays programs, mapping and archive on an agent, once, and takes them away', async () => {
    const system = newSystem({}, {})
    mkdirSync(system.at('opt/mesosphere/bin'), { recursive: true })
    const before = system.everything()
    const world = newPrograms()
    const env = { HOME: '/root', ECR_CNAME_MAP: `${CNAME}=${ECR}` }
    const setup = async (...args: readonly string[]) =>
      await runHere({ env }, ['setup', 'dcos', '--root', system.root, '--yes', ...args], world)
    expect(await setup()).toMatchObject({ exitCode: 0 })
    expect(system.read('opt/mesosphere/bin/ecr-cname')).toBe('the program')
    expect(system.read('opt/mesosphere/bin/docker-credential-ecr-cname')).toBe('the helper')
    expect(statSync(system.at('opt/mesosphere/bin/ecr-cname')).mode & 0o777).toBe(0o755)
    expect(JSON.parse(system.read('etc/ecr-cname/config.json'))).toEqual({
      registries: { [CNAME]: ECR },
    })
    const once = system.everything()
    expect(await setup()).toMatchObject({ exitCode: 0, stdout: '' })
    expect(system.everything()).toEqual(once)
    expect(await setup('--undo')).toMatchObject({ exitCode: 0 })
    expect(system.everything()).toEqual(before)
  })

  it('has an archive that Marathon unpacks, of the same bytes each time', async () => {
    const archives = await Promise.all(
      [1, 2].map(async () => {
        const { setup, at } = newSystem()
        await setup(['dcos', '--yes'], newPrograms())
        return readFileSync(at(ARCHIVE))
      }),
    )
    expect(archives[0]).toEqual(archives[1])
    const [{ header, data } = {}, ...others] = await unpackTar(gunzipSync(archives[0]!))
    expect(others).toEqual([])
    expect(header).toMatchObject({ name: '.docker/config.json', mode: 0o600 })
    expect(Buffer.from(data ?? []).toString()).toBe('{"credsStore":"ecr-cname"}\n')
  })

  it('says that it takes the place of another archive, and gives that back', async () => {
    const { setup, at, read } = newSystem({ [ARCHIVE]: 'theirs' })
    const { stderr } = await setup(['dcos', '--yes'], newPrograms())
    expect(stderr).toContain(`${at(ARCHIVE)} is replaced; logins in it are no longer read`)
    await setup(['dcos', '--undo', '--yes'])
    expect(read(ARCHIVE)).toBe('theirs')
  })

  it('needs both programs', async () => {
    const lone = join(temporaryFolder(), 'ecr-cname')
    writeFileSync(lone, 'the program')
    const { exitCode, stderr } = await newSystem().setup(['dcos', '--yes'], { self: [lone] })
    expect(exitCode).toBe(1)
    expect(stderr).toContain('docker-credential-ecr-cname is neither beside')
  })

  it('copies no npm package below a root', async () => {
    const self = ['/usr/bin/node', '/srv/cli.cjs'] as const
    expect(await newSystem().setup(['dcos', '--yes'], { self })).toMatchObject({ exitCode: 2 })
  })

  it('lays programs there that run', async () => {
    const { root, at } = newSystem()
    const args = ['setup', 'dcos', '--root', root, '--yes']
    const env = { HOME: '/root' }
    expect(await runProgram([ECR_CNAME, ...args], { env })).toMatchObject({ exitCode: 0 })
    const config = at('etc/ecr-cname/config.json')
    const list = await runProgram([at('opt/mesosphere/bin/docker-credential-ecr-cname'), 'list'], {
      env: { ...KEYS, HOME: temporaryFolder(), ECR_CNAME_CONFIG: config, PATH: '' },
    })
    expect(JSON.parse(list.stdout)).toEqual({ [CNAME]: 'AWS' })
  })
})

describe('setup dcos --marathon', () => {
  it('knows its files by their whole paths, to take them back from anywhere', () => {
    const { changes } = planMarathon('apps', { image: 'ecr-cname', mappings: [] })
    expect(changes.map(({ path }) => path).filter((path) => !isAbsolute(path))).toEqual([])
  })

  const json = (text: string) => JSON.parse(text) as Record<string, unknown>

  it('writes what Marathon and IAM take, as a user, and nothing else', async () => {
    const { root, env, at, read, everything } = newHome()
    becomeNobody(root)
    const before = everything()
    const args = ['setup', 'dcos', '--marathon', at('apps')]
    const { exitCode, stderr } = await runHere(
      { env },
      [...args, '--image', 'hub.test/ecr-cname:1', '--yes'],
      {},
    )
    expect(exitCode).toBe(0)
    expect(stderr).toContain(`now run: dcos marathon app add ${at('apps/ecr-helper.json')}`)
    expect(json(read('apps/ecr-helper.json'))).toMatchObject({
      id: '/aws-ecr-helper',
      instances: 0,
      cpus: 1,
      mem: 256,
      args: ['setup', 'dcos', '--root', '/host', '--yes'],
      env: { ECR_CNAME_MAP: `${CNAME}=${ECR}` },
      acceptedResourceRoles: ['*', 'slave_public'],
      container: {
        docker: { image: 'hub.test/ecr-cname:1', network: 'HOST' },
        volumes: [
          { hostPath: '/etc', containerPath: '/host/etc', mode: 'RW' },
          {
            hostPath: '/opt/mesosphere/bin',
            containerPath: '/host/opt/mesosphere/bin',
            mode: 'RW',
          },
        ],
      },
    })
    expect(json(read('apps/nginx-example.json'))).toMatchObject({
      id: '/marathon-nginx-example',
      acceptedResourceRoles: ['slave_public'],
      uris: ['file:///etc/docker.tar.gz'],
      fetch: [{ uri: 'file:///etc/docker.tar.gz', extract: true, executable: false, cache: false }],
      container: { docker: { image: `${CNAME}/nginx:latest`, forcePullImage: true } },
    })
    expect(read('apps/agent-policy.json')).toContain('"ecr:GetAuthorizationToken"')
    await runHere({ env }, [...args, '--undo', '--yes'], {})
    expect(everything()).toEqual(before)
  })
})
