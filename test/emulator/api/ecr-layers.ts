/** Amazon ECR: what a pull asks of a repository by its API. Nothing is ever found but refusals. */

import { Refusal } from '../exchange.ts'
import type { Ask } from './json.ts'

/** The actions, given what checks a caller's rights and finds the repository. */
export function layerActions(reach: (ask: Ask, action: string) => Promise<unknown>) {
  return {
    async BatchGetImage(ask: Ask): Promise<object> {
      await reach(ask, 'BatchGetImage')
      const failureCode = 'ImageNotFound'
      const failureReason = 'Requested image not found'
      const failures = listOf(ask, 'imageIds').map((imageId) => ({
        imageId,
        failureCode,
        failureReason,
      }))
      return { images: [], failures }
    },
    async BatchCheckLayerAvailability(ask: Ask): Promise<object> {
      await reach(ask, 'BatchCheckLayerAvailability')
      const layers = listOf(ask, 'layerDigests').map((layerDigest) => ({
        layerDigest,
        layerAvailability: 'UNAVAILABLE',
      }))
      return { layers, failures: [] }
    },
    async GetDownloadUrlForLayer(ask: Ask): Promise<object> {
      await reach(ask, 'GetDownloadUrlForLayer')
      const digest = String(ask.input['layerDigest'])
      throw new Refusal(
        400,
        'LayersNotFoundException',
        `The layer with digest '${digest}' does not exist in the repository`,
      )
    },
  }
}

const listOf = ({ input }: Ask, name: string) => {
  const value = input[name]
  return Array.isArray(value) ? (value as readonly unknown[]) : []
}
