import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { pull, push } from '../../src/index.ts'
import { temporaryFolder } from '../support/folder.ts'
import { runProgram } from '../support/program.ts'
import { newUser } from '../support/user.ts'
import { CNAME, IMAGE, makeLayer, mappingTo, pushImage, startRegistry } from './registry.ts'

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
})
