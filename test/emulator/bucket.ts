/** The bucket that holds the layers: presigned GETs only, and no Authorization beside them. */

import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'

import type { RegistryId } from './content.ts'
import type { Emulation } from './emulation.ts'
import {
  cut,
  cutAfter,
  type Exchange,
  Refusal,
  send,
  type Service,
  type Target,
} from './exchange.ts'
import type { Fault } from './faults.ts'
import { formatScope, isSame, parseScope, parseTimestamp, sign, toTimestamp } from './sigv4.ts'

export type Layer = { readonly repository: string; readonly digest: string }

type Span = { readonly start: number; readonly end: number }

/** ECR's own key to the bucket; only its signatures are accepted. */
const KEY_ID = 'ASIAEMULATEDSTARPORT'
const PATH = /^\/(\d{12}|public)\.([a-z0-9-]+)\/(.+)\/(sha256:[0-9a-f]{64})$/
const READ_SIZE = 1024 * 1024

/** The host of a region's bucket. */
export function bucketHost({ settings }: Emulation, region: string): string {
  return settings.bucketHost.replaceAll('{region}', region)
}

/** A URL for one layer, good for GET and for a while. */
export function presign(emulation: Emulation, registry: RegistryId, layer: Layer): string {
  const { settings, now, ports, key } = emulation
  const port = ports().bucket
  const host = `${bucketHost(emulation, registry.region)}${port === 443 ? '' : `:${port}`}`
  const path = `/${registry.account}.${registry.region}/${layer.repository}/${layer.digest}`
  const timestamp = toTimestamp(now())
  const day = timestamp.slice(0, 8)
  const scope = { accessKeyId: KEY_ID, day, region: registry.region, service: 's3' }
  const query = new URLSearchParams({
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': formatScope(scope),
    'X-Amz-Date': timestamp,
    'X-Amz-Expires': String(settings.presignedSeconds),
    'X-Amz-SignedHeaders': 'host',
  }).toString()
  const signed = { path, query, header: () => host, timestamp, method: 'GET' }
  const secret = key.toString('hex')
  const signature = sign({ ...signed, payloadHash: 'UNSIGNED-PAYLOAD' }, scope, ['host'], secret)
  return `https://${host}${path}?${query}&X-Amz-Signature=${signature}`
}

export function identifyBucket(emulation: Emulation): () => Target {
  const service: Service = {
    name: 'bucket',
    throttled: new Refusal(503, 'SlowDown', 'Please reduce your request rate.'),
    refuse({ response, call }, { status, code, message }) {
      const xml = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message><RequestId>EMULATED</RequestId></Error>`
      send(
        response,
        status,
        { 'Content-Type': 'application/xml' },
        call.method === 'HEAD' ? '' : xml,
      )
    },
    answer: (exchange) => download(emulation, exchange),
  }
  return () => ({ service, operation: 'GetLayer' })
}

const download = async (emulation: Emulation, exchange: Exchange) => {
  const { request, response, url, fault } = exchange
  if (fault?.kind === 'deny') throw new Refusal(403, 'AccessDenied', 'Access Denied')
  checkSignature(emulation, exchange)
  const [, account = '', region = '', name = '', digest = ''] = PATH.exec(url.pathname) ?? []
  const repository = await emulation.content.repository({ account, region }, name)
  const size = await repository?.blobSize(digest)
  if (repository === undefined || size === undefined) {
    throw new Refusal(404, 'NoSuchKey', 'The specified key does not exist.')
  }
  if (isForged(fault)) {
    await forge(response, await readFile(repository.blobPath(digest)), fault.kind)
    return
  }
  const span = parseRange(request.headers.range, size)
  const { start, end } = span ?? { start: 0, end: size - 1 }
  response.writeHead(span ? 206 : 200, {
    'Content-Type': 'application/octet-stream',
    'Content-Length': String(end - start + 1),
    'Accept-Ranges': 'bytes',
    ETag: `"${digest.slice(-32)}"`,
    ...(span && { 'Content-Range': `bytes ${start}-${end}/${size}` }),
  })
  if (end < start) response.end()
  else await stream(exchange, repository.blobPath(digest), { start, end })
}

type Forgery = 'garble' | 'lengthen' | 'endless'

const isForged = (fault: Fault | undefined): fault is Fault & { readonly kind: Forgery } =>
  fault !== undefined && ['garble', 'lengthen', 'endless'].includes(fault.kind)

const forge = async (response: ServerResponse, bytes: Buffer, kind: Forgery) => {
  if (kind === 'garble') bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
  const whole = kind === 'lengthen' ? Buffer.concat([bytes, Buffer.alloc(10)]) : bytes
  response.writeHead(200, {
    'Content-Type': 'application/octet-stream',
    ...(kind !== 'endless' && { 'Content-Length': String(whole.length) }),
  })
  if (kind !== 'endless') {
    response.end(whole)
    return
  }
  await pipeline(async function* () {
    yield whole
    for (;;) yield Buffer.alloc(READ_SIZE)
  }, response).catch(() => {})
}

const stream = async (exchange: Exchange, file: string, { start, end }: Span) => {
  const limit = cutAfter(exchange)
  const { response, fault } = exchange
  if (fault?.kind === 'slow') {
    const tenth = Math.max(1, Math.floor(fault.bytesPerSecond / 10))
    return pipeline(createReadStream(file, { start, end, highWaterMark: tenth }), slowly, response)
  }
  const last = limit === undefined ? end : Math.min(end, start + limit - 1)
  const options = { start, highWaterMark: READ_SIZE }
  if (last === end) return pipeline(createReadStream(file, { ...options, end }), response)
  if (last >= start) {
    await pipeline(createReadStream(file, { ...options, end: last }), response, { end: false })
  }
  // What was written shall arrive before the cut does.
  response.write('', () => cut(exchange))
}

async function* slowly(chunks: AsyncIterable<Buffer>) {
  for await (const chunk of chunks) {
    yield chunk
    await sleep(100, undefined, { ref: false })
  }
}

const checkSignature = ({ key, now }: Emulation, { request, url }: Exchange) => {
  if (request.headers.authorization !== undefined) {
    throw new Refusal(
      400,
      'InvalidArgument',
      'Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified',
    )
  }
  const scope = parseScope(url.searchParams.get('X-Amz-Credential') ?? '')
  const timestamp = url.searchParams.get('X-Amz-Date') ?? ''
  const from = parseTimestamp(timestamp)
  if (!scope || !from) throw new Refusal(403, 'AccessDenied', 'Access Denied')
  const end = from.getTime() + Number(url.searchParams.get('X-Amz-Expires')) * 1000
  const [query = '', signature = ''] = url.search.slice(1).split('&X-Amz-Signature=')
  const signed = { path: url.pathname, query, timestamp, payloadHash: 'UNSIGNED-PAYLOAD' }
  const host = () => request.headers.host
  const whole = { ...signed, method: request.method ?? '', header: host }
  if (!isSame(signature, sign(whole, scope, ['host'], key.toString('hex')))) {
    throw new Refusal(
      403,
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
    )
  }
  if (!(now().getTime() < end)) throw new Refusal(403, 'AccessDenied', 'Request has expired')
}

/** One range, as S3 reads it: of several, and of what it cannot read, it sends the whole. */
const parseRange = (header: string | undefined, size: number): Span | undefined => {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? []
  if (first === '' && last === '') return undefined
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size - 1 : Math.min(size - 1, Number(last))
  if (start < size && start <= end) return { start, end }
  throw new Refusal(416, 'InvalidRange', 'The requested range is not satisfiable')
}
