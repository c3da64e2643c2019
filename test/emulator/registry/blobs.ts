/** Blobs on the way down: ECR answers HEAD itself and sends GET to the bucket. */

import { presign } from '../bucket.ts'
import type { Repository } from '../content.ts'
import { Refusal } from '../exchange.ts'
import { isReferenced } from './manifests.ts'
import {
  isDigest,
  REGISTRY_HEADERS,
  repositoryOf,
  sendEmpty,
  sendNotFound,
  type Visit,
} from './visit.ts'

export async function headBlob(visit: Visit): Promise<void> {
  const size = await sizeOf(visit, await repositoryOf(visit))
  visit.exchange.response
    .writeHead(200, {
      ...REGISTRY_HEADERS,
      'Content-Type': 'application/octet-stream',
      'Content-Length': String(size),
      'Docker-Content-Digest': visit.reference,
    })
    .end()
}

export async function getBlob(visit: Visit): Promise<void> {
  const { emulation, exchange, registry, name, reference } = visit
  const repository = await repositoryOf(visit)
  await sizeOf(visit, repository)
  if (emulation.settings.onlyReferencedBlobs && !(await isReferenced(repository, reference))) {
    throw unknown()
  }
  const location = presign(emulation, registry, { repository: name, digest: reference })
  sendEmpty(exchange.response, 307, { Location: location })
}

export async function deleteBlob(visit: Visit): Promise<void> {
  if (!visit.emulation.settings.deletes) return sendNotFound(visit.exchange)
  const repository = await repositoryOf(visit)
  await sizeOf(visit, repository)
  await repository.deleteBlob(visit.reference)
  sendEmpty(visit.exchange.response, 202)
}

const sizeOf = async ({ reference }: Visit, repository: Repository) => {
  const size = isDigest(reference) ? await repository.blobSize(reference) : undefined
  if (size === undefined) throw unknown()
  return size
}

const unknown = () => new Refusal(404, 'BLOB_UNKNOWN', 'blob unknown to registry')
