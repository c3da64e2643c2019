/** The cache of layers, as the environment has it. */

import { UserError } from '../../domain/errors.ts'
import { storeFolder } from '../../front/places.ts'
import { type Cache, openCache } from '../../images/cache.ts'
import type { World } from '../command.ts'
import { parseSize } from './format.ts'

const DEFAULT_LIMIT = 10e9

/** The folder of the layers, below the store. */
export function layersFolder(env: World['env']): string {
  return `${storeFolder(env)}/layers`
}

/** The cache, unless ECR_CNAME_LAYERS turns it off. */
export function layerCache({ env, now }: Pick<World, 'env' | 'now'>): Cache | undefined {
  const limit = limitOf(env)
  return limit === undefined ? undefined : openCache({ folder: layersFolder(env), limit, now })
}

/** The most that it may take, in bytes; `undefined` where it is off. */
export function limitOf(env: World['env']): number | undefined {
  const given = env['ECR_CNAME_LAYERS'] ?? ''
  if (given === '') return DEFAULT_LIMIT
  if (given === 'off') return undefined
  const limit = parseSize(given)
  if (limit !== undefined) return limit
  throw new UserError(
    'CONFIG',
    `ECR_CNAME_LAYERS: expected a size such as 40GB, or off, got ${given}`,
  )
}
