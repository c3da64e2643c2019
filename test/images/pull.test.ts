import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseReference } from '../../src/domain/reference.ts'
import { pullImage, type PullOptions } from '../../src/images/pull.ts'
import { temporaryFolder } from '../support/folder.ts'
import { readArchive } from './archive.ts'
import { IMAGE, makeLayer, pushImage, pushIndex, type Registry, startRegistry } from './registry.ts'

function order(registry: Registry, more: Partial<PullOptions> = {}): PullOptions {
  return {
    reference: parseReference(`${IMAGE}:1`),
    client: registry.client(),
    path: join(temporaryFolder(), 'app.tar'),
    format: 'docker',
    ...more,
  }
}

describe('pull', () => {
  it('writes an archive for docker that is an OCI layout, too', async () => {
    const registry = await startRegistry()
    const image = await pushImage(registry, '1')
    const options = order(registry)
    expect(await pullImage(options)).toMatchObject({
      digest: image.digest,
      platform: 'linux/amd64',
      layers: 2,
    })
    const files = await readArchive(options.path)
    const [entry] = JSON.parse(String(files.get('manifest.json'))) as Record<string, unknown>[]
    expect(entry?.['RepoTags']).toEqual([`${IMAGE}:1`])
    const layers = entry?.['Layers'] as string[]
    expect(layers.map((name) => files.get(name))).toEqual(image.layers.map(({ bytes }) => bytes))
    expect(files.get(String(entry?.['Config']))).toEqual(image.config)
    expect(JSON.parse(String(files.get('index.json')))).toMatchObject({
      manifests: [{ digest: image.digest }],
    })
    expect(readdirSync(join(options.path, '..'))).toEqual(['app.tar'])
  })
})
