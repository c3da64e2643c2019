/** Pulls of the emulated ECR, and what they have asked it for. */

import { join } from 'node:path'
import { parseReference } from '../../src/domain/reference.ts'
import { openCache } from '../../src/images/cache.ts'
import type { PullOptions } from '../../src/images/pull.ts'
import { temporaryFolder } from '../support/folder.ts'
import { IMAGE, type Registry } from './registry.ts'

export function order(registry: Registry, more: Partial<PullOptions> = {}): PullOptions {
  return {
    reference: parseReference(`${IMAGE}:1`),
    client: registry.client(),
    path: join(temporaryFolder(), 'app.tar'),
    format: 'docker',
    ...more,
  }
}

export function newCache(limit = 1e9, parent = temporaryFolder()) {
  const folder = join(parent, 'layers')
  return { folder, cache: openCache({ folder, limit, now: () => Date.now() }) }
}

export function blobGets({ emulator }: Registry): number {
  return emulator.calls.filter(({ service }) => service === 'bucket').length
}

/** What was asked of the bucket that was not all of a layer. */
export function rangesOf({ emulator }: Registry): string[] {
  const layers = emulator.calls.filter(({ service }) => service === 'bucket')
  return layers.flatMap(({ headers }) => headers['range'] ?? [])
}
