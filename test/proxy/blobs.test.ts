import type { RequestListener } from 'node:http'
import { text as readText } from 'node:stream/consumers'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  fetchFrom,
  mappingTo,
  NAME,
  openFrom,
  openWorld,
  startRawUpstream,
  startSidecar,
  startUpstream,
  type Upstream,
  type World,
} from './neighbours.ts'

let world: World
beforeAll(() => {
  world = openWorld()
})

const BLOB = '/v2/a/blobs/sha256:00'
const bucketLeaf = () => world.authority.issue(['localhost'])

/** The sidecar in front of a registry that leads to a bucket. */
async function startFollowing(bucket: Upstream, location?: string) {
  const host = { host: 'localhost', port: bucket.connect.port ?? 0 }
  const url = location ?? `https://localhost:${host.port}/layer?X-Amz-Signature=secret`
  const registry = await startUpstream(world.registryLeaf, (_, response) => {
    response.writeHead(307, { location: url }).end('moved')
  })
  const mappings = mappingTo(registry.connect)
  return { sidecar: await startSidecar(undefined, { mappings, blobHosts: [host] }), registry }
}

async function startBucket(handler: RequestListener) {
  return await startFollowing(await startUpstream(bucketLeaf(), handler))
}

describe('a layer', () => {
  it('comes from the bucket, which sees nothing of the login', async () => {
    const bucket = await startUpstream(bucketLeaf(), (_, response) => {
      response.writeHead(200, { 'content-length': 5 }).end('layer')
    })
    const { sidecar, registry } = await startFollowing(bucket)
    const headers = {
      host: NAME,
      authorization: 'Basic dG9rZW4=',
      cookie: 'a=b',
      'x-forwarded-for': '10.0.0.1',
      range: 'bytes=0-4',
      'if-range': '"e"',
      'if-none-match': '"f"',
    }
    const answer = await fetchFrom(sidecar, BLOB, { headers })
    expect(answer).toMatchObject({ status: 200, text: 'layer' })
    expect(answer.headers).toMatchObject({ 'content-length': '5' })
    expect(answer.headers.location).toBeUndefined()
    expect(registry.wire[0]).toContain('Basic dG9rZW4=')
    expect(bucket.wire[0]?.split('\r\n')).toEqual([
      'GET /layer?X-Amz-Signature=secret HTTP/1.1',
      `Host: localhost:${bucket.connect.port}`,
      'range: bytes=0-4',
      'if-range: "e"',
      'if-none-match: "f"',
      'Connection: keep-alive',
      '',
      '',
    ])
    expect(JSON.stringify(sidecar.accesses)).not.toMatch(/secret|dG9rZW4/)
  })

  it.each([
    [206, { 'content-range': 'bytes 0-0/5' }],
    [304, { etag: '"f"' }],
    [416, { 'content-range': 'bytes */5' }],
    [503, {}],
  ])('is answered with the %d of the bucket', async (status, headers) => {
    const { sidecar } = await startBucket((_, response) =>
      response.writeHead(status, headers).end(),
    )
    expect(await fetchFrom(sidecar, BLOB)).toMatchObject({ status, headers })
  })

  it('that the bucket refuses is told of as a registry does', async () => {
    const { sidecar } = await startBucket((_, response) => {
      response.writeHead(403, { 'content-type': 'application/xml' }).end('<Error>secret</Error>')
    })
    const { status, text } = await fetchFrom(sidecar, BLOB)
    expect(status).toBe(424)
    expect(text).toContain('"message":"localhost: the layer\'s bucket answered 403; try again"')
  })

  it('that breaks off is seen to be broken', async () => {
    const bucket = await startRawUpstream(bucketLeaf(), (socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf', () => socket.destroy())
      })
    })
    const { sidecar } = await startFollowing(bucket)
    const reply = await openFrom(sidecar, BLOB)
    await expect(readText(reply)).rejects.toMatchObject({ code: 'ECONNRESET' })
  })

  it('whose bucket can not be reached is told of by its host', async () => {
    const bucket = await startUpstream(world.authority.issue(['other.test']), () => {})
    const { sidecar } = await startFollowing(bucket)
    const { status, text } = await fetchFrom(sidecar, BLOB)
    expect(status).toBe(424)
    expect(text).toMatch(/localhost:\d+: its certificate is not trusted/)
    expect(text).not.toContain('secret')
    expect(bucket.wire.join('')).toBe('')
  })

  it.each([
    'https://other.test/layer?X-Amz-Signature=1',
    'https://169.254.169.254/latest/meta-data/',
    'http://localhost/layer',
  ])('at %s is left to the client', async (location) => {
    const bucket = await startUpstream(bucketLeaf(), () => {})
    const { sidecar } = await startFollowing(bucket, location)
    expect(await fetchFrom(sidecar, BLOB)).toMatchObject({ status: 307, headers: { location } })
    expect(bucket.wire).toEqual([])
  })

  it('that is only asked about is left to the client too, for its URL is good for GET', async () => {
    const { sidecar } = await startBucket(() => {})
    expect(await fetchFrom(sidecar, BLOB, { method: 'HEAD' })).toMatchObject({ status: 307 })
  })
})
