import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseReference } from '../../src/domain/reference.ts'
import { pullImage } from '../../src/images/pull.ts'
import { pushImage } from '../../src/images/push.ts'
import { temporaryFolder } from '../support/folder.ts'
import { CNAME, IMAGE, pushImage as makeImage, type Registry, startRegistry } from './registry.ts'

describe('push', () => {
  it.each(['docker', 'oci', 'oci-archive'] as const)(
    'brings what pull wrote as %s to another repository, the same to the last byte',
    async (format) => {
      const registry = await startRegistry()
      const image = await makeImage(registry, '1')
      await registry.emulator.createRepository('team/copy')
      const path = join(temporaryFolder(), 'app')
      const client = registry.client()
      await pullImage({ reference: parseReference(`${IMAGE}:1`), client, path, format })
      const pushed = await pushImage({
        reference: parseReference(`${CNAME}/team/copy:2`),
        client,
        path,
      })
      expect(pushed).toMatchObject({ digest: image.digest, blobs: { uploaded: 3 } })
      const copy = await pullCopy(registry)
      expect(copy.digest).toBe(image.digest)
    },
  )
})

async function pullCopy(registry: Registry) {
  return await pullImage({
    reference: parseReference(`${CNAME}/team/copy:2`),
    client: registry.client(),
    path: join(temporaryFolder(), 'copy.tar'),
    format: 'docker',
  })
}
