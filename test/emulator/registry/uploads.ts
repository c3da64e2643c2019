/** Blobs on the way up: streamed to a file, hashed on the way, moved in once the digest is right. */

import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { rm, truncate } from 'node:fs/promises'
import { basename } from 'node:path'
import { pipeline } from 'node:stream/promises'

import type { Repository } from '../content.ts'
import { cut, cutAfter, type Exchange, Refusal } from '../exchange.ts'
import { isReferenced } from './manifests.ts'
import {
  isDigest,
  repositoryOf,
  sendEmpty,
  sendNotFound,
  type Upload,
  type Visit,
} from './visit.ts'

// TLS hands over 16 KiB at a time; written one by one they would cost more than the rest.
const WRITE_SIZE = 4 * 1024 * 1024

/** POST: a missing repository is not told; the connection is dropped. */
export async function startUpload(visit: Visit): Promise<void> {
  const { emulation, exchange, registry, name } = visit
  const repository = await emulation.content.repository(registry, name)
  if (!repository) return cut(exchange)
  if (await mount(visit, repository)) return
  const file = await repository.uploadPath()
  visit.uploads.set(keyOf(visit, basename(file)), { file, hash: sha256(), size: 0, parts: [] })
  const { openRange } = emulation.settings
  sendEmpty(exchange.response, 202, {
    Location: `${visit.origin}/v2/${name}/blobs/uploads/${basename(file)}`,
    ...(openRange && { Range: openRange }),
  })
}

/** PATCH: answered with 201, and with a Range that need not tell the truth. */
export async function patchUpload(visit: Visit): Promise<void> {
  const { exchange, emulation, origin } = visit
  const upload = find(visit)
  checkOffset(exchange, upload)
  await receive(exchange, upload)
  const told = emulation.settings.patchRange === 'first' ? (upload.parts[0] ?? 0) : upload.size
  sendEmpty(exchange.response, 201, {
    Location: `${origin}${exchange.url.pathname}`,
    Range: `0-${Math.max(0, told - 1)}`,
  })
}

/** PUT: takes the last part, which may be all of it, and checks the digest of the whole. */
export async function finishUpload(visit: Visit): Promise<void> {
  const { exchange, emulation, origin, name } = visit
  const upload = find(visit)
  const repository = await repositoryOf(visit)
  const digest = exchange.url.searchParams.get('digest') ?? ''
  await receive(exchange, upload)
  checkParts(upload, emulation.settings.minPartBytes)
  visit.uploads.delete(keyOf(visit, visit.reference))
  if (!isDigest(digest) || digest !== `sha256:${upload.hash.digest('hex')}`) {
    await rm(upload.file)
    throw invalid(400, 'None of the provided layer digests match the calculated layer digest')
  }
  await repository.addBlob(digest, upload.file)
  sendEmpty(exchange.response, 201, {
    Location: `${origin}/v2/${name}/blobs/${digest}`,
    'Docker-Content-Digest': digest,
  })
}

/** DELETE: gives an upload up. */
export async function cancelUpload(visit: Visit): Promise<void> {
  const { file } = find(visit)
  visit.uploads.delete(keyOf(visit, visit.reference))
  await rm(file, { force: true })
  sendEmpty(visit.exchange.response, 204)
}

/** GET: ECR does not know how far an upload is. */
export async function getUpload({ exchange }: Visit): Promise<void> {
  sendNotFound(exchange)
}

const mount = async (visit: Visit, repository: Repository) => {
  const { emulation, exchange, origin, name, registry } = visit
  const digest = exchange.url.searchParams.get('mount') ?? ''
  const from = exchange.url.searchParams.get('from') ?? ''
  if (!emulation.settings.blobMounting || !isDigest(digest)) return false
  const source = await emulation.content.repository(registry, from)
  if (!source || (await source.blobSize(digest)) === undefined) return false
  if (!(await isReferenced(source, digest))) return false
  await repository.linkBlob(digest, source)
  sendEmpty(exchange.response, 201, {
    Location: `${origin}/v2/${name}/blobs/${digest}`,
    'Docker-Content-Digest': digest,
  })
  return true
}

// A part counts once it is whole: one that is cut off leaves the upload as it was.
const receive = async (exchange: Exchange, upload: Upload) => {
  const limit = cutAfter(exchange) ?? Infinity
  const hash = upload.hash.copy()
  let received = 0
  const hashed = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      received += chunk.length
      if (received > limit) {
        cut(exchange)
        throw new Error('the connection was cut')
      }
      hash.update(chunk)
      yield chunk
    }
  }
  try {
    const place = { flags: 'r+', start: upload.size, highWaterMark: WRITE_SIZE }
    await pipeline(exchange.request, hashed, createWriteStream(upload.file, place))
  } catch (error) {
    await truncate(upload.file, upload.size)
    throw error
  }
  if (received === 0) return
  upload.hash = hash
  upload.size += received
  upload.parts.push(received)
}

const checkOffset = ({ request }: Exchange, { size }: Upload) => {
  const [, first] = /^(?:bytes )?(\d+)-\d+/.exec(request.headers['content-range'] ?? '') ?? []
  if (first === undefined || Number(first) === size) return
  throw invalid(416, `First byte of the layer part is ${first} instead of ${size}`)
}

const checkParts = ({ parts }: Upload, min: number) => {
  if (parts.slice(0, -1).every((size) => size >= min)) return
  throw invalid(400, 'All layer parts except the last part should be at least 5MB')
}

const find = (visit: Visit) => {
  const upload = visit.uploads.get(keyOf(visit, visit.reference))
  if (upload) return upload
  throw new Refusal(404, 'BLOB_UPLOAD_UNKNOWN', 'blob upload unknown to registry')
}

const keyOf = ({ registry, name }: Visit, id: string) =>
  `${registry.account}.${registry.region}/${name}/${id}`

const invalid = (status: number, message: string) =>
  new Refusal(status, 'BLOB_UPLOAD_INVALID', message)

const sha256 = () => createHash('sha256')
