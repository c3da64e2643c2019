import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { pull, push } from '../../src/index.ts'
import { temporaryFolder } from '../support/folder.ts'
import { CNAME, IMAGE, makeLayer, pushImage, startRegistry } from './registry.ts'

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
