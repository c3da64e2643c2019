import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import type { ProgressEvent } from '../../src/images/progress.ts'
import { pull, push } from '../../src/index.ts'
import { loggedIn } from '../commands/running.ts'
import { temporaryFolder } from '../support/folder.ts'
import { runProgram } from '../support/program.ts'
import { eventually, newUser } from '../support/user.ts'
import {
  CNAME,
  IMAGE,
  makeLayer,
  mappingTo,
  pushImage,
  type Registry,
  startRegistry,
} from './registry.ts'

describe('the library', () => {
  it('pulls and pushes, and tells how far it is', async () => {
    const registry = await startRegistry()
    const { digest } = await pushImage(registry, '1.0')
    await registry.emulator.createRepository('team/copy')
    const { credentials, site } = registry
    const place = { registry: site.registry, connect: site.connect, credentials }
    const output = join(temporaryFolder(), 'app.tar')
    let bytes = 0
    const pulled = await pull({
      ...place,
      reference: `${IMAGE}:1.0`,
      output,
      onProgress: (event) => {
        if (event.kind === 'bytes') bytes += event.bytes
      },
    })
    expect(pulled).toMatchObject({ digest, size: bytes })
    const reference = `${CNAME}/team/copy:1.0`
    expect(await push({ ...place, input: output, reference })).toMatchObject({ digest })
  })

  it("runs README's example", async () => {
    const registry = await startRegistry()
    await pushImage(registry, '1.0')
    registry.emulator.calls.length = 0
    const user = newUser(registry.emulator)
    user.configure({ registries: { 'docker.company.com': mappingTo(registry).registries[CNAME] } })
    mkdirSync(join(user.home, 'node_modules'))
    symlinkSync(resolve('.'), join(user.home, 'node_modules/ecr-cname'))
    const [, section = ''] = readFileSync('README.md', 'utf8').split(
      '\n## Images without an engine\n',
    )
    const [, code = ''] = /```js\n([\s\S]*?)```/.exec(section) ?? []
    writeFileSync(join(user.home, 'example.mjs'), code)
    const { stdout, stderr, exitCode } = await runProgram([process.execPath, 'example.mjs'], {
      env: user.env,
      cwd: user.home,
    })
    expect([exitCode, stderr]).toEqual([0, ''])
    expect(new Set(stdout.trim().split('\n'))).toEqual(new Set(['plan', 'bytes', 'done']))
    const puts = registry.emulator.calls.filter(({ operation }) => operation === 'PutManifest')
    expect(puts.map(({ path }) => path)).toEqual(['/v2/team/app/manifests/latest'])
  })

  it('stops when its signal says so', async () => {
    const registry = await startRegistry()
    await pushImage(registry, '1.0', { layers: [makeLayer(3_000_000)] })
    const stopping = new AbortController()
    const { credentials, site } = registry
    const pulling = pull({
      registry: site.registry,
      connect: site.connect,
      credentials,
      reference: `${IMAGE}:1.0`,
      output: join(temporaryFolder(), 'app.tar'),
      signal: stopping.signal,
      onProgress: () => stopping.abort(),
    })
    await expect(pulling).rejects.toMatchObject({ name: 'UserError', code: 'STOPPED' })
  })

  it.each(['pull', 'push'] as const)('stops a %s that waits for a login', async (verb) => {
    const registry = await startRegistry()
    const { input, place } = await havePulled(registry)
    const [stopping, asked] = [new AbortController(), Promise.withResolvers<void>()]
    const common = {
      ...place,
      reference: `${IMAGE}:1.0`,
      signal: stopping.signal,
      credentials: async () => {
        asked.resolve()
        return await new Promise<never>(() => {})
      },
    }
    const output = join(temporaryFolder(), 'app.tar')
    const running = verb === 'pull' ? pull({ ...common, output }) : push({ ...common, input })
    await asked.promise
    stopping.abort()
    await expect(running).rejects.toMatchObject({ code: 'STOPPED' })
  })

  it('stops while AWS lets it wait, and tells nobody else who waits of a failure', async () => {
    const registry = await startRegistry()
    const { env } = loggedIn(registry.emulator)
    const config = join(temporaryFolder(), 'config.json')
    writeFileSync(config, JSON.stringify(mappingTo(registry)))
    vi.stubEnv('ECR_CNAME_CONFIG', config)
    registry.emulator.settings.faults.push({ service: 'ecr', kind: 'hang' })
    const stopping = new AbortController()
    const output = join(temporaryFolder(), 'app.tar')
    const pulling = pull({ reference: `${IMAGE}:1.0`, output, signal: stopping.signal })
    const ended = expect(pulling).rejects.toMatchObject({ code: 'STOPPED' })
    await eventually(() => registry.emulator.calls.some(({ service }) => service === 'ecr'))
    stopping.abort()
    await ended
    const tokens = join(env['HOME'] ?? '', '.cache/ecr-cname/tokens')
    await eventually(() => readdirSync(tokens).length === 0)
  })

  it('tells of all bytes of a push, also of those that are there already', async () => {
    const registry = await startRegistry()
    const { input, place } = await havePulled(registry)
    await registry.emulator.createRepository('team/copy')
    for (const how of ['uploaded', 'present']) {
      const events: ProgressEvent[] = []
      const { size } = await push({
        ...place,
        input,
        reference: `${CNAME}/team/copy:1.0`,
        onProgress: (event) => events.push(event),
      })
      expect(events.filter((one) => one.kind === 'done' && one.how === how)).toHaveLength(3)
      const told = events.flatMap((one) => (one.kind === 'bytes' ? one.bytes : []))
      expect(told.reduce((sum, bytes) => sum + bytes, 0)).toBe(size)
      const [plan] = events.flatMap((one) => (one.kind === 'plan' ? one.blobs : []))
      expect(Object.keys(plan ?? {})).toEqual(['digest', 'size'])
    }
  })

  it('says that something is kept only where it is', async () => {
    const registry = await startRegistry()
    const { place } = await havePulled(registry)
    const lineOf = async (more: object) => {
      const output = join(temporaryFolder(), 'app.tar')
      const asked = { ...place, reference: `${IMAGE}:1.0`, output, ...more }
      const pulling = pull({ ...asked, signal: AbortSignal.abort() })
      return await pulling.catch((error: unknown) => (error as Error).message)
    }
    expect(await lineOf({})).toBe('stopped; run it again')
    expect(await lineOf({ cache: temporaryFolder() })).toBe(
      'stopped; what was loaded so far is kept, so run it again',
    )
  })
})

/** An image in a file, and the registry that it is from. */
async function havePulled(registry: Registry) {
  await pushImage(registry, '1.0')
  const { credentials, site } = registry
  const place = { registry: site.registry, connect: site.connect, credentials }
  const input = join(temporaryFolder(), 'app.tar')
  await pull({ ...place, reference: `${IMAGE}:1.0`, output: input })
  return { input, place }
}
