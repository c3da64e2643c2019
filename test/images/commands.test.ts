import { execFileSync, spawn } from 'node:child_process'
import {
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { digestOf } from '../../src/images/digest.ts'
import { ECR_CNAME, type Outcome, runProgram, start } from '../support/program.ts'
import { needs } from '../support/needs.ts'
import { REFUSALS, startRefusingProxy } from '../support/proxy.ts'
import { eventually, newUser, type User } from '../support/user.ts'
import { readArchive } from './archive.ts'
import {
  CNAME,
  IMAGE,
  makeLayer,
  mappingTo,
  pushImage,
  type Registry,
  startRegistry,
} from './registry.ts'

type Caller = {
  readonly user: User
  readonly registry: Registry
  readonly call: (...args: string[]) => Promise<Outcome>
  readonly file: (name: string) => string
}

/** A user of the packed program whose name leads to an emulated ECR. */
async function newCaller(config: object = {}): Promise<Caller> {
  const registry = await startRegistry()
  const user = newUser(registry.emulator)
  user.configure({ ...mappingTo(registry), ...config })
  return {
    user,
    registry,
    call: (...args) => runProgram([ECR_CNAME, ...args], { env: user.env, cwd: user.home }),
    file: (name) => join(user.home, name),
  }
}

describe('ecr-cname pull', () => {
  it('writes an archive, tells what is done line by line, and nothing on stdout', async () => {
    const { call, registry, file } = await newCaller()
    const image = await pushImage(registry, '1')
    const outcome = await call('pull', `${IMAGE}:1`, '-o', 'app.tar')
    expect(outcome).toMatchObject({ exitCode: 0, stdout: '' })
    const lines = outcome.stderr.trim().split('\n')
    expect(lines).toHaveLength(4)
    expect(lines[0]).toMatch(/^\w{12} {2,}[\d.]+ k?B {2}downloaded$/)
    expect(lines[3]).toContain(image.digest)
    expect((await readArchive(file('app.tar'))).size).toBe(7)
  })

  it('says nothing with --quiet, and what it did with --json', async () => {
    const { call, registry } = await newCaller()
    const image = await pushImage(registry, '1')
    const args = ['pull', `${IMAGE}:1`, '--output', 'app', '--format', 'oci', '--quiet', '--json']
    const { stdout, stderr } = await call(...args)
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toMatchObject({
      ref: `${IMAGE}:1`,
      digest: image.digest,
      platform: 'linux/amd64',
      output: 'app',
      layers: 2,
    })
  })

  it('writes into a pipe with -o -', async () => {
    const { registry, user, file } = await newCaller()
    await pushImage(registry, '1', { layers: [makeLayer(2_000_000)] })
    const command = `${ECR_CNAME} pull ${IMAGE}:1 --quiet -o - | cat > app.tar`
    const { exitCode } = await runProgram(['sh', '-c', command], { env: user.env, cwd: user.home })
    expect(exitCode).toBe(0)
    expect((await readArchive(file('app.tar'))).has('manifest.json')).toBe(true)
  })

  it('has not succeeded, and says nothing, where who reads -o - goes before its end', async () => {
    const { registry, user } = await newCaller()
    await pushImage(registry, '1', { layers: [makeLayer(2_000_000)] })
    const command = `(${ECR_CNAME} pull ${IMAGE}:1 --quiet -o -; echo exit $? >&2) | head -c 1 >/dev/null`
    const { stderr } = await runProgram(['sh', '-c', command], { env: user.env, cwd: user.home })
    expect(stderr).toBe('exit 1\n')
  })

  it('leaves nothing behind where what -o - writes to is full, or there is no TMPDIR', async () => {
    const { registry, user, file } = await newCaller()
    await pushImage(registry, '1')
    mkdirSync(file('tmp'))
    const pull = (folder: string) => {
      const command = `${ECR_CNAME} pull ${IMAGE}:1 --quiet -o - > /dev/full`
      const env = { ...user.env, TMPDIR: file(folder) }
      return runProgram(['sh', '-c', command], { env, cwd: user.home })
    }
    expect(await pull('tmp')).toMatchObject({
      exitCode: 1,
      stderr: 'ecr-cname: stdout: there is no more room (ENOSPC); free some, or write elsewhere\n',
    })
    expect(readdirSync(file('tmp'))).toEqual([])
    expect(await pull('none')).toMatchObject({
      exitCode: 1,
      stderr: `ecr-cname: ${file('none')}: it can't be written (ENOENT); name another folder in TMPDIR\n`,
    })
  })

  it('pulls by ECR’s own name, too', async () => {
    const { call, registry, user } = await newCaller()
    await pushImage(registry, '1')
    const { host, port } = registry.emulator.registry
    user.configure({ registries: { [host]: { connect: `127.0.0.1:${port}` } } })
    expect(await call('pull', `${host}/team/app:1`, '-o', 'app.tar')).toMatchObject({ exitCode: 0 })
  })

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'stops at %s with nothing at the path, and goes on in the next run',
    async (signal) => {
      const { call, registry, user, file } = await newCaller()
      await pushImage(registry, '1', { layers: [makeLayer(8_000_000)] })
      // Again and again, so that it can't be done before it is stopped.
      registry.emulator.settings.faults.push({
        service: 'bucket',
        kind: 'cut',
        afterBytes: 1_000_000,
      })
      const running = start([ECR_CNAME, 'pull', `${IMAGE}:1`, '-o', 'app.tar'], {
        env: user.env,
        cwd: user.home,
      })
      await eventually(() => registry.emulator.calls.some(({ headers }) => headers['range']))
      running.kill(signal)
      const { exitCode, stderr } = await running.outcome
      expect(exitCode).toBe(1)
      expect(stderr).toMatch(
        /ecr-cname: stopped; what was loaded so far is kept, so run it again\n$/,
      )
      expect(readdirSync(user.home).filter((name) => name.includes('app'))).toEqual([])
      registry.emulator.settings.faults.length = 0
      registry.emulator.calls.length = 0
      expect(await call('pull', `${IMAGE}:1`, '-o', 'app.tar')).toMatchObject({ exitCode: 0 })
      expect(existsSync(file('app.tar'))).toBe(true)
      const layers = registry.emulator.calls.filter(({ service }) => service === 'bucket')
      expect(layers.some(({ headers }) => /^bytes=\d{5,}-$/.test(headers['range'] ?? ''))).toBe(
        true,
      )
    },
  )

  it('leaves nothing at the path where its terminal is closed', async (context) => {
    needs(context, process.platform === 'linux' ? undefined : 'script, of util-linux')
    const { registry, user, file } = await newCaller()
    await pushImage(registry, '1', { layers: [makeLayer(8_000_000)] })
    registry.emulator.settings.faults.push({
      service: 'bucket',
      kind: 'cut',
      afterBytes: 1_000_000,
    })
    const command = `${ECR_CNAME} pull ${IMAGE}:1 -o app.tar`
    const terminal = start(['script', '--quiet', '--command', command, '/dev/null'], {
      env: user.env,
      cwd: user.home,
    })
    const drafts = () => readdirSync(user.home).filter((name) => name.includes('app.tar'))
    await eventually(() => drafts().length === 1)
    terminal.kill('SIGKILL')
    await eventually(() => drafts().length === 0)
    expect(existsSync(file('app.tar'))).toBe(false)
  })

  it('takes a large image, whose digests are made on a thread', async () => {
    const { call, registry, file } = await newCaller()
    const layers = [makeLayer(40_000_000, 'none'), makeLayer(30_000_000, 'none'), makeLayer()]
    await pushImage(registry, '1', { layers })
    const outcome = await call('pull', `${IMAGE}:1`, '--quiet', '-o', 'app.tar')
    expect(outcome).toMatchObject({ exitCode: 0, stderr: '' })
    const archive = await readArchive(file('app.tar'))
    for (const { bytes } of layers) {
      const blob = archive.get(`blobs/sha256/${digestOf(bytes).slice(7)}`)
      expect(blob?.equals(bytes)).toBe(true)
    }
  })

  it('that is killed is gone on with, in files of its own', async () => {
    const { call, registry, user, file } = await newCaller()
    const [layer, whole] = [makeLayer(8_000_000), makeLayer(500_000)]
    await pushImage(registry, '1', { layers: [layer, whole] })
    await pushImage(registry, '2', { layers: [whole] })
    const pull = (tag: string) => ['pull', `${IMAGE}:${tag}`, '--format', 'oci', '-o', 'app']
    await call(...pull('2'))
    registry.emulator.settings.faults.push({
      service: 'bucket',
      kind: 'cut',
      afterBytes: 1_000_000,
    })
    registry.emulator.calls.length = 0
    const running = start([ECR_CNAME, ...pull('1')], { env: user.env, cwd: user.home })
    await eventually(() => registry.emulator.calls.some(({ headers }) => headers['range']))
    running.kill('SIGKILL')
    await running.outcome
    const blobs = file('app/blobs/sha256')
    const [draft = ''] = readdirSync(blobs).filter((name) => name.endsWith('.tmp'))
    linkSync(join(blobs, draft), file('draft'))
    const left = readFileSync(file('draft'))
    expect(left.length).toBeGreaterThan(500_000)
    registry.emulator.settings.faults.length = 0
    registry.emulator.calls.length = 0
    expect(await call(...pull('1'))).toMatchObject({ exitCode: 0 })
    const layers = registry.emulator.calls.filter(({ service }) => service === 'bucket')
    expect(layers.some(({ headers }) => /^bytes=\d{5,}-$/.test(headers['range'] ?? ''))).toBe(true)
    const name = digestOf(layer.bytes).slice(7)
    expect(readFileSync(join(blobs, name)).equals(layer.bytes)).toBe(true)
    expect(statSync(join(blobs, name)).nlink).toBe(2)
    expect(readdirSync(blobs).filter((one) => one.endsWith('.tmp'))).toEqual([])
    expect(readFileSync(file('draft')).equals(left)).toBe(true)
    const kept = layers.filter(({ path }) => path.includes(digestOf(whole.bytes).slice(7)))
    expect(kept).toEqual([])
  })

  it.skipIf(!existsSync('/proc/self/io'))(
    'writes each byte into an OCI folder once, and none that the cache has',
    async () => {
      const { registry, user } = await newCaller()
      const size = 3_000_000
      await pushImage(registry, '1', { layers: [makeLayer(size)] })
      const written = async (to: string) => {
        const order = `pull ${IMAGE}:1 --quiet --format oci -o ${to}`
        // Of the shell, and of what it has waited for.
        const command = `${ECR_CNAME} ${order} && cat /proc/$$/io`
        const { stdout } = await runProgram(['sh', '-c', command], {
          env: user.env,
          cwd: user.home,
        })
        return Number(/^wchar: (\d+)$/m.exec(stdout)?.[1])
      }
      const [cold, warm] = [await written('cold'), await written('warm')]
      expect(Math.round(cold / size)).toBe(1)
      expect(Math.round(warm / size)).toBe(0)
    },
  )

  it.each([
    ['docker', 'app\\.tar', 'app.tar'],
    ['oci', 'app', 'app'],
  ])('says in one line that there is no more room for %s', async (format, named, path) => {
    const { registry, user } = await newCaller()
    await pushImage(registry, '1', { layers: [makeLayer(3_000_000)] })
    const order = `pull ${IMAGE}:1 --quiet --format ${format} -o ${path}`
    const command = `ulimit -f 1000; exec ${ECR_CNAME} ${order}`
    const outcome = await runProgram(['sh', '-c', command], { env: user.env, cwd: user.home })
    expect(outcome.exitCode).toBe(1)
    const line = `^ecr-cname: ${named}: there is no more room \\(EFBIG\\); .*\\n$`
    expect(outcome.stderr).toMatch(new RegExp(line))
    expect(readdirSync(user.home).filter((name) => name.includes('app'))).toEqual([])
  })
})

describe('a command that is used wrongly, or asks for what is not there', () => {
  it('is told so in one line, with the exit code of the contract', async () => {
    const { call } = await newCaller()
    const outcomes = ERRORS.map(async ([args, exitCode, line]) => {
      const outcome = await call(...args)
      expect(outcome, args.join(' ')).toMatchObject({
        exitCode,
        stdout: '',
        stderr: expect.stringMatching(line),
      })
      expect(outcome.stderr.trim().split('\n')).toHaveLength(1)
    })
    await Promise.all(outcomes)
  })
})

const ERRORS: readonly (readonly [readonly string[], number, RegExp])[] = [
  [['pull'], 2, /expected one image/],
  [['pull', 'app:1', '-o', 'x'], 2, /"app:1": character 6: a registry and a repository/],
  [['pull', `${CNAME}/Team/App:1`, '-o', 'x'], 2, /character 21: repositories are in lower case/],
  [['pull', `${IMAGE}:1`], 2, /expected -o FILE/],
  [['pull', `${IMAGE}:1`, '-o', 'x', '--platform', 'linux'], 2, /expected linux\/amd64/],
  [['pull', `${IMAGE}:1`, '-o', 'x', '--all-platforms'], 2, /add --format oci-archive/],
  [['pull', `${IMAGE}:1`, '-o', 'x', '--format', 'zip'], 2, /expected docker or oci/],
  [['pull', `${IMAGE}:none`, '-o', 'x'], 1, /there is no such image; see the tags with/],
  [
    ['pull', 'ghcr.io/a/b:1', '-o', 'x'],
    1,
    /neither mapped nor an ECR host; map it: ecr-cname map add ghcr\.io/,
  ],
  [['push', 'none.tar', `${IMAGE}:1`], 1, /none\.tar: it can't be read \(ENOENT\)/],
  [['push', 'none.tar'], 2, /expected a file and an image/],
  [['push', 'x.tar', `${IMAGE}:1`, '--mount-from', 'Team'], 2, /repositories are in lower case/],
  [
    ['push', 'x.tar', `${IMAGE}:1`, '--mount-from', `${CNAME}/team/base:1`],
    2,
    /--mount-from: expected a repository, such as team\/base$/m,
  ],
  [['tags', `${IMAGE}:1`], 2, /expected a repository: /],
  [['tags', IMAGE, '--limit', 'x'], 2, /--limit: expected a number/],
  [['repos', 'a/b'], 2, /expected one registry/],
  [['cache', 'burn'], 2, /expected show or clear, got burn/],
]

describe('ecr-cname push', () => {
  it('mounts from a repository with and without its registry', async () => {
    const { call, registry } = await newCaller()
    registry.emulator.settings.blobMounting = true
    await pushImage(registry, '1')
    await call('pull', `${IMAGE}:1`, '-o', 'app.tar')
    for (const [to, from] of [
      ['team/one', 'team/app'],
      ['team/two', IMAGE],
    ] as const) {
      await registry.emulator.createRepository(to)
      const args = ['push', 'app.tar', `${CNAME}/${to}:1`, '--mount-from', from, '--json']
      expect(JSON.parse((await call(...args)).stdout)).toMatchObject({ blobs: { mounted: 3 } })
    }
  })

  it('brings an archive to a repository, and finds all of it there the next time', async () => {
    const { call, registry } = await newCaller()
    const image = await pushImage(registry, '1')
    await registry.emulator.createRepository('team/copy')
    await call('pull', `${IMAGE}:1`, '-o', 'app.tar')
    const first = await call('push', 'app.tar', `${CNAME}/team/copy:2`, '--json')
    expect(JSON.parse(first.stdout)).toMatchObject({
      digest: image.digest,
      blobs: { uploaded: 3, present: 0 },
    })
    registry.emulator.calls.length = 0
    const second = await call('push', 'app.tar', `${CNAME}/team/copy:2`)
    expect(second.stderr).toContain('3 present')
    expect(registry.emulator.calls.map(({ operation }) => operation)).toEqual(['HeadManifest'])
  })

  it('takes an archive out of a pipe', async () => {
    const { user, call, registry, file } = await newCaller()
    const image = await pushImage(registry, '1')
    await call('pull', `${IMAGE}:1`, '-o', 'app.tar')
    await registry.emulator.createRepository('team/copy')
    const command = `cat app.tar | ${ECR_CNAME} push - ${CNAME}/team/copy:1 --json --quiet`
    const { stdout } = await runProgram(['sh', '-c', command], { env: user.env, cwd: user.home })
    expect(JSON.parse(stdout)).toMatchObject({ digest: image.digest })
    writeFileSync(file('broken'), 'x')
    const broken = `cat broken | ${ECR_CNAME} push /dev/stdin ${CNAME}/team/copy:2`
    const refused = await runProgram(['sh', '-c', broken], { env: user.env, cwd: user.home })
    expect(refused).toMatchObject({
      exitCode: 1,
      stderr: 'ecr-cname: /dev/stdin: it is no tar archive\n',
    })
  })

  it.each([
    ['-', 'stdin'],
    ['/dev/stdin', '/dev/stdin'],
  ])('says of the pipe %s that nothing came', async (path, name) => {
    const { user } = await newCaller()
    const command = `true | ${ECR_CNAME} push ${path} ${CNAME}/team/app:2`
    expect(await runProgram(['sh', '-c', command], { env: user.env })).toMatchObject({
      exitCode: 1,
      stderr: `ecr-cname: ${name}: nothing came; see what the command before the pipe says\n`,
    })
  })

  it.each(['-', 'a-pipe'])('stops at Ctrl-C while the pipe %s is silent', async (path) => {
    const { user, file } = await newCaller()
    mkdirSync(file('tmp'))
    execFileSync('mkfifo', [file('a-pipe')])
    const silent = openSync(file('a-pipe'), 'r+')
    onTestFinished(() => closeSync(silent))
    const env = { ...user.env, TMPDIR: file('tmp') }
    const command = ['push', path, `${CNAME}/team/app:2`]
    const child = spawn(ECR_CNAME, command, { env, cwd: user.home, stdio: 'pipe' })
    onTestFinished(() => void child.kill('SIGKILL'))
    const ended = new Promise((done) => child.on('close', done))
    await eventually(() => readdirSync(file('tmp'), { recursive: true }).length === 2)
    child.kill('SIGINT')
    expect(await ended).toBe(1)
    expect(readdirSync(file('tmp'))).toEqual([])
  })

  it('is used wrongly where stdin is neither a pipe nor a file', async () => {
    const { user } = await newCaller()
    const command = `${ECR_CNAME} push - ${CNAME}/team/app:2 < /dev/null`
    expect(await runProgram(['sh', '-c', command], { env: user.env })).toMatchObject({
      exitCode: 2,
      stderr: expect.stringMatching(/^ecr-cname: push: stdin is no pipe and no file; send .*\n$/),
    })
  })

  it('names the repository that does not exist', async () => {
    const { call, registry } = await newCaller()
    await pushImage(registry, '1')
    await call('pull', `${IMAGE}:1`, '-o', 'app.tar')
    const { exitCode, stderr } = await call('push', 'app.tar', `${CNAME}/team/none:1`)
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(/repository with name 'team\/none' does not exist.*; create it/)
  })
})

describe('ecr-cname tags and repos', () => {
  it('list all pages, by version, with what the API adds', async () => {
    const { call, registry } = await newCaller()
    registry.emulator.settings.pageSize = 1
    const image = await pushImage(registry, '1.9.0')
    for (const tag of ['1.10.0', '1.10.0-rc1', 'latest']) await pushImage(registry, tag)
    await registry.emulator.createRepository('team/other')
    const tags = await call('tags', IMAGE)
    expect(tags).toMatchObject({ stderr: '', stdout: '1.9.0\n1.10.0-rc1\n1.10.0\nlatest\n' })
    expect((await call('tags', IMAGE, '--limit', '2')).stdout).toBe('1.10.0\nlatest\n')
    expect(JSON.parse((await call('tags', IMAGE, '--json')).stdout)).toMatchObject([
      {
        tag: '1.9.0',
        digest: image.digest,
        size: expect.any(Number),
        pushedAt: expect.stringMatching(/Z$/),
      },
      {},
      {},
      {},
    ])
    expect((await call('repos', CNAME)).stdout).toBe('team/app\nteam/other\n')
    expect(JSON.parse((await call('repos', CNAME, '--json')).stdout)).toMatchObject([
      { repository: 'team/app', createdAt: expect.stringMatching(/Z$/) },
      { repository: 'team/other' },
    ])
  })

  it('list what the registry tells where the API is not allowed', async () => {
    const { call, registry } = await newCaller()
    await pushImage(registry, '1')
    registry.emulator.settings.faults.push({
      service: 'ecr',
      operation: 'DescribeImages',
      kind: 'deny',
    })
    expect(JSON.parse((await call('tags', IMAGE, '--json')).stdout)).toEqual([{ tag: '1' }])
  })
})

describe('ecr-cname cache', () => {
  it('shows the layers that pulls have left, and clears them', async () => {
    const { call, registry, user } = await newCaller()
    await pushImage(registry, '1')
    await call('pull', `${IMAGE}:1`, '-o', 'app.tar')
    const shown = JSON.parse((await call('cache', '--json')).stdout) as { layers: unknown[] }
    expect(shown).toMatchObject({ limit: 10e9, folder: join(user.store, 'layers') })
    expect(shown.layers).toHaveLength(3)
    expect((await call('cache')).stdout).toMatch(/3 layers, .* of 10\.0 GB in /)
    expect((await call('cache', 'clear')).stdout).toMatch(/^cleared 3 layers, /)
    expect(readdirSync(join(user.store, 'layers'))).toEqual([])
  })

  it('is left alone with --no-cache and ECR_CNAME_LAYERS=off', async () => {
    const { call, registry, user } = await newCaller()
    await pushImage(registry, '1')
    await call('pull', `${IMAGE}:1`, '-o', 'app.tar', '--no-cache')
    user.env['ECR_CNAME_LAYERS'] = 'off'
    await call('pull', `${IMAGE}:1`, '-o', 'app.tar')
    expect(existsSync(join(user.store, 'layers'))).toBe(false)
  })
})

describe('the way to a registry', () => {
  it.each([
    ['with a certificate of the name', ['--tls-cert', 'CERT', '--tls-key', 'KEY'], CNAME],
    ['in plain HTTP on this machine', [], '127.0.0.1'],
  ])('is a sidecar %s, where the name leads to one', async (_, flags, host) => {
    const { call, registry, user } = await newCaller()
    const image = await pushImage(registry, '1')
    const { certFile, keyFile } = registry.emulator.certificate([CNAME])
    const given = flags.map((flag) => flag.replace('CERT', certFile).replace('KEY', keyFile))
    const port = await startSidecar(user, registry, given)
    const { host: ecr } = registry.emulator.registry
    const mapping = host === CNAME ? { registry: ecr, connect: `127.0.0.1:${port}` } : ecr
    user.configure({ registries: { [host === CNAME ? host : `${host}:${port}`]: mapping } })
    const name = host === CNAME ? host : `${host}:${port}`
    const pulled = await call('pull', `${name}/team/app:1`, '-o', 'app.tar', '--json', '--quiet')
    expect(pulled).toMatchObject({ exitCode: 0, stderr: '' })
    expect(JSON.parse(pulled.stdout)).toMatchObject({ digest: image.digest })
    await registry.emulator.createRepository('team/copy')
    expect(await call('push', 'app.tar', `${name}/team/copy:1`)).toMatchObject({ exitCode: 0 })
    expect((await call('tags', `${name}/team/copy`)).stdout).toBe('1\n')
  })

  it.each(REFUSALS)(
    'ends at a proxy that leads nowhere (%s), in one line',
    async (status, line) => {
      const { call, user, registry } = await newCaller()
      await pushImage(registry, '1')
      user.env['HTTPS_PROXY'] = await startRefusingProxy(status)
      const { exitCode, stderr } = await call('pull', `${IMAGE}:1`, '-o', 'app.tar', '--quiet')
      expect(exitCode).toBe(1)
      expect(stderr).toMatch(line)
      expect(stderr.trim().split('\n')).toHaveLength(1)
      expect(stderr).not.toContain('hush')
    },
  )

  it('ends where the certificate is someone else’s, before a token is sent', async () => {
    const { call, registry, user } = await newCaller()
    const { certFile, keyFile } = registry.emulator.certificate(['evil.example'])
    const requests: unknown[] = []
    const server = createServer(
      { cert: readFileSync(certFile), key: readFileSync(keyFile) },
      (request, response) => {
        requests.push(request.headers)
        response.end()
      },
    )
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    const { host } = registry.emulator.registry
    user.configure({ registries: { [CNAME]: { registry: host, connect: `127.0.0.1:${port}` } } })
    const { exitCode, stderr } = await call('pull', `${IMAGE}:1`, '-o', 'app.tar')
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(/its certificate is not one for .* that is trusted \(ERR_TLS_CERT_ALTN/)
    expect(requests).toEqual([])
  })
})

/** `serve` before the emulator, once it listens. */
async function startSidecar(user: User, registry: Registry, flags: readonly string[]) {
  const { host, port } = registry.emulator.registry
  const config = join(user.home, 'sidecar.json')
  const mapping = { registry: host, connect: `127.0.0.1:${port}` }
  writeFileSync(config, JSON.stringify({ registries: { [CNAME]: mapping, '127.0.0.1': mapping } }))
  const args = ['serve', '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', ...flags]
  const log = join(user.home, 'sidecar.log')
  const running = start(['sh', '-c', `exec "$0" "$@" 2>${log}`, ECR_CNAME, ...args], {
    env: { ...user.env, ECR_CNAME_CONFIG: config },
  })
  onTestFinished(async () => {
    running.kill('SIGTERM')
    await running.outcome
  })
  let found: string | undefined
  await eventually(() => {
    const text = existsSync(log) ? readFileSync(log, 'utf8') : ''
    found = /"listen":\["https?:\/\/127\.0\.0\.1:(\d+)/.exec(text)?.[1]
    return found !== undefined
  })
  return Number(found)
}
