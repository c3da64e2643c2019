/** `setup` where somebody or something is in its way. */

import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { becomeNobody } from '../support/nobody.ts'
import { ECR_CNAME, start } from '../support/program.ts'
import { runHere } from './people.ts'
import { newHome, newSystem } from './setting-up.ts'

const DOCKER = '.docker/config.json'

describe('setup', () => {
  it('that is killed between two files is taken back whole, drafts and all', async () => {
    const { root, at, setup, everything } = newSystem()
    const before = everything()
    const args = ['setup', 'dcos', '--root', root, '--yes']
    const running = start([ECR_CNAME, ...args], { env: { HOME: '/root' } })
    const record = at('etc/ecr-cname/setup/dcos/record.json')
    // The programs are large, so that there is time enough.
    while (!existsSync(record)) await new Promise((resolve) => setImmediate(resolve))
    running.kill('SIGKILL')
    await running.outcome
    expect(JSON.parse(readFileSync(record, 'utf8'))).toMatchObject({ state: 'changing' })
    expect(await setup(['dcos', '--undo', '--yes'])).toMatchObject({ exitCode: 0 })
    expect(everything()).toEqual(before)
  })

  it('leaves a file to its owner, and gives it back to them', async () => {
    const { agree, at, everything } = newSystem({ [`root/${DOCKER}`]: '{}' })
    if (process.geteuid?.() === 0) chownSync(at(`root/${DOCKER}`), 1234, 2345)
    const before = everything()
    await agree('docker')
    expect(everything()[at(`root/${DOCKER}`)]?.slice(0, 3)).toEqual(
      before[at(`root/${DOCKER}`)]?.slice(0, 3),
    )
    await agree('docker', '--undo')
    expect(everything()).toEqual(before)
  })

  it('changes a file that is read-only, since its owner agreed, and leaves it so', async () => {
    const { root, env, at, everything } = newHome({ [DOCKER]: '{}' })
    becomeNobody(root)
    chmodSync(at(DOCKER), 0o400)
    const before = everything()
    expect(await runHere({ env }, ['setup', 'docker', '--yes'], {})).toMatchObject({ exitCode: 0 })
    expect(everything()[at(DOCKER)]?.[0]).toBe(0o400)
    await runHere({ env }, ['setup', 'docker', '--undo', '--yes'], {})
    expect(everything()).toEqual(before)
  })

  it('gives back what it can of a file whose group is not ours to name', async () => {
    const { root, env, at, read } = newHome({ [DOCKER]: '{"a":1}' })
    becomeNobody(root)
    if (process.getuid?.() === 0) {
      process.seteuid?.(0)
      chownSync(at(DOCKER), 65534, 1234)
      process.seteuid?.(65534)
    }
    expect(await runHere({ env }, ['setup', 'docker', '--yes'], {})).toMatchObject({ exitCode: 0 })
    const undone = await runHere({ env }, ['setup', 'docker', '--undo', '--yes'], {})
    expect(undone).toMatchObject({ exitCode: 0 })
    expect(read(DOCKER)).toBe('{"a":1}')
  })

  it('does nothing where a link leads to what is not for us to change', async () => {
    const { root, env, at, everything } = newHome({ 'store/config.json': '{}' })
    mkdirSync(at('.docker'))
    symlinkSync('../store/config.json', at(DOCKER))
    becomeNobody(root)
    chmodSync(at('store'), 0o555)
    const before = everything()
    const { exitCode, stderr } = await runHere({ env }, ['setup', 'docker', '--yes'], {})
    expect(exitCode).toBe(1)
    expect(stderr).toContain(
      `${at('store/config.json')}: can't be changed (EACCES); run it as root`,
    )
    expect(everything()).toEqual(before)
    chmodSync(at('store'), 0o755)
  })

  it('never overwrites what is no text', async () => {
    const { agree, at, everything, setup } = newSystem()
    const latin1 = Buffer.from('{"HttpHeaders": {"who": "Andr\xe9"}}', 'latin1')
    mkdirSync(at('root/.docker'), { recursive: true })
    writeFileSync(at(`root/${DOCKER}`), latin1)
    const before = everything()
    const { exitCode, stderr } = await setup(['docker', '--yes'])
    expect(stderr).toBe(
      `ecr-cname: ${at(`root/${DOCKER}`)}: line 1, column 30: expected text in UTF-8; mend it first\n`,
    )
    expect(exitCode).toBe(1)
    expect(everything()).toEqual(before)

    writeFileSync(at(`root/${DOCKER}`), '{}')
    await agree('docker')
  })

  it.each([
    ['docker', 'root/.docker/config.json'],
    ['podman', 'etc/containers/registries.conf.d/50-ecr-cname.conf'],
    ['containerd', 'etc/containerd/config.toml'],
    ['buildkit', 'etc/buildkit/buildkitd.toml'],
    ['kubelet', 'etc/systemd/system/kubelet.service'],
    ['dcos', 'etc/docker.tar.gz'],
    ['docker', 'etc/ecr-cname/config.json'],
  ])('%s does not wait for %s that is a FIFO', async (engine, file) => {
    const { at, everything, setup } = newSystem()
    mkdirSync(dirname(at(file)), { recursive: true })
    rmSync(at(file), { force: true })
    execFileSync('mkfifo', [at(file)])
    const before = everything()
    const { exitCode, stderr } = await setup([engine, '--yes'])
    expect(stderr).toBe(`ecr-cname: ${at(file)}: is a FIFO, expected a file; move it away\n`)
    expect(exitCode).toBe(1)
    expect(everything()).toEqual(before)
  })

  it('says what has to be restarted after --undo too', async () => {
    const { agree } = newSystem({ 'etc/containerd/config.toml': 'version = 2\n' })
    const restart = 'now run: systemctl restart containerd\n'
    expect((await agree('containerd')).stderr).toContain(restart)
    expect((await agree('containerd', '--undo')).stderr).toContain(restart)
  })

  it('never overwrites what was broken since, and says where the file of before is', async () => {
    const { agree, setup, at, read } = newSystem({ [`root/${DOCKER}`]: '{"a":1}' })
    await agree('docker')
    writeFileSync(at(`root/${DOCKER}`), '{"a":')
    const { exitCode, stderr } = await setup(['docker', '--yes'])
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(
      /line 1, column 6: expected JSON; what was there before the setup is in /,
    )
    const folder = /is in (\S+)\n$/.exec(stderr)?.[1] ?? ''
    const kept = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'))
    expect(kept).toContain('{"a":1}')
    expect(read(`root/${DOCKER}`)).toBe('{"a":')
  })

  it('takes nothing back over what somebody has changed since, and says where all is', async () => {
    const { agree, setup, at, read } = newSystem({ [`root/${DOCKER}`]: '{"a":1}' })
    await agree('docker')
    writeFileSync(at(`root/${DOCKER}`), '{"by":"hand"}')
    const { exitCode, stderr } = await setup(['docker', '--undo', '--yes'])
    expect(exitCode).toBe(1)
    const [, backup = ''] = /so it stays; what was there first is in (\S+)/.exec(stderr) ?? []
    expect(readFileSync(backup, 'utf8')).toBe('{"a":1}')
    expect(read(`root/${DOCKER}`)).toBe('{"by":"hand"}')
  })
})
