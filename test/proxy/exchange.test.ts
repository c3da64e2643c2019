import { once } from 'node:events'
import { type IncomingMessage, request as httpRequest } from 'node:http'
import { type AddressInfo, connect as connectTcp, createServer } from 'node:net'
import { text as readText } from 'node:stream/consumers'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { gzipSync } from 'node:zlib'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import {
  fetchFrom,
  mappingTo,
  NAME,
  openFrom,
  openSocket,
  openWorld,
  REGISTRY,
  type Sidecar,
  type SidecarOptions,
  startRawUpstream,
  startSidecar,
  startUpstream,
  talk,
  type World,
} from './neighbours.ts'

let world: World
beforeAll(() => {
  world = openWorld()
})

describe('a request', () => {
  it('reaches the registry under its own name, in Host, SNI and certificate check', async () => {
    const upstream = await startUpstream(world.registryLeaf, (request, response) => {
      response.end(request.headers.host)
    })
    const sidecar = await startSidecar(upstream.connect, { leaf: world.ownLeaf })
    expect(await fetchFrom(sidecar, '/v2/', { ca: world.ca })).toMatchObject({
      status: 200,
      text: REGISTRY.host,
    })
    expect(upstream.names).toEqual([REGISTRY.host])
  })

  it('keeps method, path, query, Authorization and every Accept line', async () => {
    const upstream = await startUpstream(world.registryLeaf, (_, response) => response.end())
    const sidecar = await startSidecar(upstream.connect)
    await fetchFrom(sidecar, '/v2/a/tags/list?n=2&last=x%2Fy', {
      headers: [
        ['Host', NAME],
        ['Authorization', 'Basic QVdTOnRva2Vu'],
        ['Accept', 'application/vnd.oci.image.index.v1+json'],
        ['Accept', 'application/vnd.oci.image.manifest.v1+json'],
      ].flat(),
    })
    expect(upstream.wire[0]).toBe(
      [
        'GET /v2/a/tags/list?n=2&last=x%2Fy HTTP/1.1',
        `Host: ${REGISTRY.host}`,
        'Authorization: Basic QVdTOnRva2Vu',
        'Accept: application/vnd.oci.image.index.v1+json',
        'Accept: application/vnd.oci.image.manifest.v1+json',
        'Connection: keep-alive',
        '\r\n',
      ].join('\r\n'),
    )
  })

  it('may carry a token of 16 KB, and so may its answer', async () => {
    const token = `Basic ${'x'.repeat(16 * 1024)}`
    const upstream = await startUpstream(world.registryLeaf, (request, response) => {
      response.setHeader('X-Echo', request.headers.authorization ?? '')
      response.setHeader('X-More', 'y'.repeat(40 * 1024))
      response.end()
    })
    const sidecar = await startSidecar(upstream.connect)
    const headers = { host: NAME, authorization: token }
    const answer = await fetchFrom(sidecar, '/v2/', { headers, maxHeaderSize: 128 * 1024 })
    expect(answer.headers['x-echo']).toBe(token)
  })

  it('stays chunked when it was chunked, with the chunks as they come', async () => {
    const upstream = await startUpstream(world.registryLeaf, (request, response) => {
      response.statusCode = 201
      request.pipe(response)
    })
    const sidecar = await startSidecar(upstream.connect)
    const outgoing = httpRequest({
      port: sidecar.port,
      method: 'PATCH',
      path: '/v2/a/blobs/uploads/1',
      headers: { host: NAME, 'transfer-encoding': 'chunked' },
    })
    outgoing.write('first')
    const [reply] = (await once(outgoing, 'response')) as [IncomingMessage]
    const [first] = (await once(reply, 'data')) as [Buffer]
    expect(first.toString()).toBe('first')
    outgoing.end('second')
    expect(await readText(reply)).toBe('second')
    expect(upstream.wire[0]).toContain('\r\nTransfer-Encoding: chunked\r\n')
    expect(upstream.wire[0]).toContain('\r\n\r\n5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n')
    expect(upstream.wire[0]).not.toMatch(/content-length/i)
  })

  it.each(['GET', 'DELETE', 'OPTIONS'])('stays chunked as a %s too', async (method) => {
    const upstream = await startUpstream(world.registryLeaf, (request, response) => {
      request.pipe(response)
    })
    const sidecar = await startSidecar(upstream.connect)
    const headers = { host: NAME, 'transfer-encoding': 'chunked' }
    const body = 'GET /v2/smuggled HTTP/1.1\r\n\r\n'
    expect(await fetchFrom(sidecar, '/v2/', { method, headers, body })).toMatchObject({
      text: body,
    })
    expect(upstream.wire).toHaveLength(1)
    expect(upstream.wire[0]).toContain(`\r\n1d\r\n${body}\r\n0\r\n\r\n`)
  })

  it('keeps its length when it had one', async () => {
    const upstream = await startUpstream(world.registryLeaf, (request, response) => {
      request.pipe(response)
    })
    const sidecar = await startSidecar(upstream.connect)
    const headers = { host: NAME, 'content-length': 5 }
    const answer = await fetchFrom(sidecar, '/v2/a', { method: 'PUT', headers, body: 'whole' })
    expect(answer.text).toBe('whole')
    expect(upstream.wire[0]).toMatch(/\r\nContent-Length: 5\r\n(?:.*\r\n)*\r\nwhole$/)
    expect(upstream.wire[0]).not.toMatch(/transfer-encoding/i)
  })

  it('tells the registry that there is no body where one is expected', async () => {
    const upstream = await startUpstream(world.registryLeaf, (_, response) => response.end())
    const sidecar = await startSidecar(upstream.connect)
    await talk(
      sidecar,
      `POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: ${NAME}\r\nConnection: close\r\n\r\n`,
    )
    expect(upstream.wire[0]).toMatch(/\r\nContent-Length: 0\r\n/)
    expect(upstream.wire[0]).not.toMatch(/transfer-encoding/i)
  })

  it('ends at the registry when its client leaves', async () => {
    const upstream = await startUpstream(world.registryLeaf, (request) => request.resume())
    const sidecar = await startSidecar(upstream.connect)
    const socket = await openSocket(sidecar)
    socket.write(
      `PATCH /v2/a HTTP/1.1\r\nHost: ${NAME}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n`,
    )
    const arrived = await until(() => upstream.wire[0]?.includes('first') && upstream.sockets[0])
    const closed = new Promise((resolve) => arrived.once('close', resolve))
    socket.destroy()
    await closed
    expect(upstream.wire[0]).not.toContain('\r\n0\r\n')
    await until(() => sidecar.accesses[0])
    expect(sidecar.accesses[0]).toMatchObject({ status: 499, bytesReceived: 5 })
  })

  it('with Expect: 100-continue is told to go on, and the registry is not asked', async () => {
    const upstream = await startUpstream(world.registryLeaf, (request, response) => {
      request.pipe(response)
    })
    const sidecar = await startSidecar(upstream.connect)
    const answer = await talk(
      sidecar,
      `PUT /v2/a HTTP/1.1\r\nHost: ${NAME}\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi`,
    )
    expect(answer).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 OK\r\n/)
    expect(upstream.wire[0]).not.toMatch(/expect/i)
  })

  it('that asks for an upgrade is served without one', async () => {
    const upstream = await startUpstream(world.registryLeaf, (_, response) => response.end('plain'))
    const sidecar = await startSidecar(upstream.connect)
    const headers = { host: NAME, connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c' }
    const answer = await fetchFrom(sidecar, '/v2/', { headers })
    expect(answer).toMatchObject({ status: 200, text: 'plain' })
    expect(upstream.wire[0]).not.toMatch(/upgrade|http2/i)
  })
})

describe('an answer', () => {
  it('keeps status, reason and every field', async () => {
    const upstream = await startRawUpstream(world.registryLeaf, (socket) => {
      socket.once('data', () =>
        socket.write(
          'HTTP/1.1 201 Made\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nSizes: \r\nX-A: 1\r\nx-a: 2\r\nRange: 0-9\r\nContent-Length: 0\r\n\r\n',
        ),
      )
    })
    const sidecar = await startSidecar(upstream.connect)
    const text = await talk(
      sidecar,
      `GET /v2/ HTTP/1.1\r\nHost: ${NAME}\r\nConnection: close\r\n\r\n`,
    )
    expect(text).toBe(
      'HTTP/1.1 201 Made\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nSizes: \r\nX-A: 1\r\nx-a: 2\r\nRange: 0-9\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    )
  })

  it('points an upload to where the client came from, with the port', async () => {
    const upstream = await startUpstream(world.registryLeaf, (_, response) => {
      response
        .writeHead(202, { location: `https://${REGISTRY.host}/v2/a/blobs/uploads/1?x=y` })
        .end()
    })
    const tls = await startSidecar(upstream.connect, { leaf: world.ownLeaf })
    const answer = await fetchFrom(tls, '/v2/a/blobs/uploads/', { method: 'POST', ca: world.ca })
    expect(answer.headers.location).toBe(`https://${NAME}:${tls.port}/v2/a/blobs/uploads/1?x=y`)
    const plain = await startSidecar(upstream.connect)
    const other = await fetchFrom(plain, '/v2/a/blobs/uploads/', {
      method: 'POST',
      headers: { host: NAME },
    })
    expect(other.headers.location).toBe(`http://${NAME}/v2/a/blobs/uploads/1?x=y`)
  })

  it('hands a redirect to the client and follows none', async () => {
    const location =
      'https://prod-us-east-1-starport-layer-bucket.s3.us-east-1.amazonaws.com/b?X-Amz-Signature=1'
    const upstream = await startUpstream(world.registryLeaf, (_, response) => {
      response.writeHead(307, { location }).end()
    })
    const sidecar = await startSidecar(upstream.connect)
    expect(await fetchFrom(sidecar, '/v2/a/blobs/sha256:0')).toMatchObject({
      status: 307,
      headers: { location },
    })
  })

  it('to HEAD keeps the length of the body that it has not', async () => {
    const upstream = await startUpstream(world.registryLeaf, (_, response) => {
      response.writeHead(200, { 'content-length': 1234, 'docker-content-digest': 'sha256:0' }).end()
    })
    const sidecar = await startSidecar(upstream.connect)
    const answer = await fetchFrom(sidecar, '/v2/a/manifests/1', { method: 'HEAD' })
    expect(answer).toMatchObject({
      headers: { 'content-length': '1234', 'docker-content-digest': 'sha256:0' },
      text: '',
    })
  })

  it('that is compressed stays so, byte for byte', async () => {
    const packed = gzipSync('{"tags":[]}')
    const upstream = await startUpstream(world.registryLeaf, (_, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': packed.length })
      response.end(packed)
    })
    const sidecar = await startSidecar(upstream.connect)
    const reply = await openFrom(sidecar, '/v2/a/tags/list')
    expect(Buffer.concat(await reply.toArray())).toEqual(packed)
    expect(reply.headers['content-encoding']).toBe('gzip')
  })

  it('to a bad upload reaches the client before the body is all sent', async () => {
    const upstream = await startUpstream(world.registryLeaf, (_, response) => {
      response.writeHead(401, { 'content-length': 4 }).end('deny')
    })
    const sidecar = await startSidecar(upstream.connect)
    const socket = await openSocket(sidecar)
    socket.write(`PATCH /v2/a HTTP/1.1\r\nHost: ${NAME}\r\nContent-Length: 4000000\r\n\r\nfirst`)
    const [head] = (await once(socket, 'data')) as [Buffer]
    expect(head.toString()).toMatch(/^HTTP\/1.1 401 [^]*deny$/)
    // The connection is still of use once the body is through.
    socket.write(Buffer.alloc(4_000_000 - 5))
    socket.write(`GET /healthz HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`)
    const [next] = (await once(socket, 'data')) as [Buffer]
    expect(next.toString()).toMatch(/^HTTP\/1.1 200 /)
  })
})

describe('a body', () => {
  const MANY = 400 * 1024 * 1024

  it('waits at the registry while its client does not read', async () => {
    let sent = 0
    const chunk = Buffer.alloc(1024 * 1024)
    const upstream = await startUpstream(world.registryLeaf, (_, response) => {
      response.writeHead(200, { 'content-length': MANY })
      const push = () => {
        while (sent < MANY) {
          sent += chunk.length
          if (!response.write(chunk)) return
        }
        response.end()
      }
      response.on('drain', push)
      push()
    })
    const sidecar = await startSidecar(upstream.connect)
    const reply = await openFrom(sidecar, '/v2/a/blobs/sha256:0')
    const stalled = await settled(() => sent)
    expect(stalled).toBeLessThan(MANY / 4)
    let read = 0
    for await (const part of reply) read += (part as Buffer).length
    expect(read).toBe(MANY)
  })

  it('waits at the client while the registry does not read', async () => {
    let arrived = 0
    const paused = Promise.withResolvers<() => void>()
    const upstream = await startUpstream(world.registryLeaf, (request, response) => {
      paused.resolve(() => {
        request.on('data', (part: Buffer) => (arrived += part.length))
        request.on('end', () => response.writeHead(201).end())
      })
    })
    const sidecar = await startSidecar(upstream.connect)
    const outgoing = httpRequest({
      port: sidecar.port,
      method: 'PATCH',
      path: '/v2/a',
      headers: { host: NAME, 'content-length': MANY },
    })
    const chunk = Buffer.alloc(1024 * 1024)
    let sent = 0
    const push = () => {
      while (sent < MANY) {
        sent += chunk.length
        if (!outgoing.write(chunk)) return
      }
      outgoing.end()
    }
    outgoing.on('drain', push)
    push()
    expect(await settled(() => sent)).toBeLessThan(MANY / 4)
    const readAll = await paused.promise
    readAll()
    const [reply] = (await once(outgoing, 'response')) as [IncomingMessage]
    expect([reply.statusCode, arrived]).toEqual([201, MANY])
    reply.resume()
  })

  it.each([
    ['with a length', 'Content-Length: 10\r\n', 'half', '1.1'],
    ['in chunks', 'Transfer-Encoding: chunked\r\n', '4\r\nhalf\r\n', '1.1'],
    ['in chunks, for an old client', 'Transfer-Encoding: chunked\r\n', '4\r\nhalf\r\n', '1.0'],
  ])('%s that the registry cuts is a failure for the client', async (_, framing, part, version) => {
    const upstream = await startRawUpstream(world.registryLeaf, (socket) => {
      socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\n${framing}\r\n${part}`))
    })
    const sidecar = await startSidecar(upstream.connect)
    const socket = await openSocket(sidecar)
    socket.write(`GET /v2/a HTTP/${version}\r\nHost: ${NAME}\r\n\r\n`)
    socket.resume()
    await expect(once(socket, 'end')).rejects.toMatchObject({ code: 'ECONNRESET' })
    await until(() => sidecar.accesses[0])
    expect(sidecar.accesses[0]).toMatchObject({
      status: 200,
      error: 'the registry cut its answer: aborted',
    })
  })

  it.each([
    ['with a length', 'Content-Length: 10\r\n', 'half', '1.1'],
    ['in chunks', 'Transfer-Encoding: chunked\r\n', '4\r\nhalf\r\n', '1.1'],
    ['with a length, for an old client', 'Content-Length: 10\r\n', 'half', '1.0'],
    ['in chunks, for an old client', 'Transfer-Encoding: chunked\r\n', '4\r\nhalf\r\n', '1.0'],
  ])('%s that is cut has no end over TLS either', async (_, framing, part, version) => {
    const upstream = await startRawUpstream(world.registryLeaf, (socket) => {
      socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\n${framing}\r\n${part}`))
    })
    const sidecar = await startSidecar(upstream.connect, { leaf: world.ownLeaf })
    const request = `GET /v2/a HTTP/${version}\r\nHost: ${NAME}\r\n\r\n`
    expect(await tapTls(sidecar, request)).toEqual({
      text: expect.stringMatching(/^HTTP\/1.1 200 OK\r\n[^]*half/) as string,
      isEnded: false,
    })
  })

  it('that is whole has one over TLS, for an old client too', async () => {
    const upstream = await startUpstream(world.registryLeaf, (_, response) => {
      response.write('half')
      response.end('half')
    })
    const sidecar = await startSidecar(upstream.connect, { leaf: world.ownLeaf })
    const request = `GET /v2/a HTTP/1.0\r\nHost: ${NAME}\r\n\r\n`
    expect(await tapTls(sidecar, request)).toEqual({
      text: expect.stringMatching(/\r\n\r\nhalfhalf$/) as string,
      isEnded: true,
    })
  })

  it('with rubbish for chunks is a failure for the client', async () => {
    const upstream = await startRawUpstream(world.registryLeaf, (socket) => {
      socket.once('data', () =>
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nrubbish'),
      )
    })
    const sidecar = await startSidecar(upstream.connect)
    const reply = await openFrom(sidecar, '/v2/a')
    await expect(readText(reply)).rejects.toMatchObject({ code: 'ECONNRESET' })
  })

  it('that is cut fails its client also while an earlier answer is on its way', async () => {
    const upstream = await startRawUpstream(world.registryLeaf, (socket) => {
      socket.once('data', (head: Buffer) => {
        if (head.toString().includes('/v2/slow')) return
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')
      })
    })
    const sidecar = await startSidecar(upstream.connect)
    const requests = ['slow', 'cut'].map(
      (name) => `GET /v2/${name} HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`,
    )
    expect(await talk(sidecar, requests.join(''))).toBe('')
  })

  it.each([
    ['whole', (socket: TLSSocket) => socket.end()],
    ['cut', (socket: TLSSocket) => socket.destroy()],
  ])('that ends with the connection is refused, for nobody knows it is %s', async (_, end) => {
    const upstream = await startRawUpstream(world.registryLeaf, (socket) => {
      socket.once('data', () =>
        socket.write('HTTP/1.1 200 OK\r\n\r\nall of it?', () => end(socket)),
      )
    })
    const sidecar = await startSidecar(upstream.connect)
    const answer = await fetchFrom(sidecar, '/v2/a')
    expect(answer.status).toBe(424)
    expect(answer.text).toMatch(/its answer does not tell where it ends/)
    expect(answer.text).not.toMatch(/all of it/)
  })

  it('of an error or a redirect that ends with the connection is handed on likewise', async () => {
    const upstream = await startRawUpstream(world.registryLeaf, (socket) => {
      socket.once('data', () =>
        socket.end('HTTP/1.1 307 Go\r\nLocation: https://a.test/\r\n\r\nthere'),
      )
    })
    const sidecar = await startSidecar(upstream.connect)
    const text = await talk(sidecar, `GET /v2/a HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`)
    expect(text).toMatch(/^HTTP\/1.1 307 Go\r\n[^]*\r\nConnection: close\r\n\r\nthere$/)
    expect(text).not.toMatch(/transfer-encoding/i)
  })
})

describe('health', () => {
  it('is answered for any Host', async () => {
    const sidecar = await startSidecar(undefined)
    const answer = await fetchFrom(sidecar, '/healthz', { headers: { host: '10.0.0.1' } })
    expect([answer.status, JSON.parse(answer.text)]).toEqual([200, { status: 'ok' }])
  })
})

describe('a refusal', () => {
  it('is a 4xx in the form of a registry, on a connection that goes on', async () => {
    const sidecar = await startSidecar(undefined)
    const socket = await openSocket(sidecar)
    socket.write('PUT /v2/a HTTP/1.1\r\nHost: other.test\r\nContent-Length: 4\r\n\r\nbody')
    const [first] = (await once(socket, 'data')) as [Buffer]
    const [head = '', body = ''] = first.toString().split('\r\n\r\n')
    expect(head).toMatch(/^HTTP\/1.1 421 Misdirected Request\r\nContent-Type: application\/json/)
    expect(JSON.parse(body)).toEqual({
      errors: [
        { code: 'NAME_UNKNOWN', message: expect.stringContaining('other.test'), detail: null },
      ],
    })
    socket.write(`GET /healthz HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`)
    const [second] = (await once(socket, 'data')) as [Buffer]
    expect(second.toString()).toMatch(/^HTTP\/1.1 200 /)
  })

  it('to HEAD has no body', async () => {
    const sidecar = await startSidecar(undefined)
    const headers = { host: 'other.test' }
    const answer = await fetchFrom(sidecar, '/v2/', { method: 'HEAD', headers })
    expect(answer).toMatchObject({ status: 421, text: '' })
  })
})

describe('the account of a request', () => {
  const DIGEST = `sha256:${'0'.repeat(64)}`
  const accountOf = async (path: string, method = 'GET', options: SidecarOptions = {}) => {
    const upstream = await startUpstream(world.registryLeaf, (_, response) => {
      response.writeHead(200, { 'content-length': 0 }).end()
    })
    const mappings = options.mappings ?? mappingTo(upstream.connect)
    const sidecar = await startSidecar(upstream.connect, { ...options, mappings })
    await fetchFrom(sidecar, path, { method, headers: { host: NAME } })
    return await until(() => sidecar.accesses[0])
  }

  it('names it without its query, and counts both bodies', async () => {
    const upstream = await startUpstream(world.registryLeaf, (request, response) => {
      request.resume().on('end', () => response.writeHead(201).end('created'))
    })
    const sidecar = await startSidecar(upstream.connect)
    const headers = { host: NAME, authorization: 'Basic c2VjcmV0', 'content-length': 4 }
    const target = '/v2/team/app/manifests/1.2?digest=secret'
    await fetchFrom(sidecar, target, { method: 'PUT', headers, body: 'body' })
    await until(() => sidecar.accesses[0])
    expect(sidecar.accesses).toEqual([
      {
        method: 'PUT',
        name: NAME,
        address: '127.0.0.1',
        path: '/v2/team/app/manifests/1.2',
        kind: 'manifests',
        registry: REGISTRY.host,
        repository: 'team/app',
        reference: '1.2',
        status: 201,
        bytesReceived: 4,
        bytesSent: 7,
        ms: expect.any(Number) as number,
      },
    ])
  })

  it.each([
    ['GET', `/v2/app/blobs/${DIGEST}`, { kind: 'blobs', repository: 'app', reference: DIGEST }],
    ['GET', `/v2/app/referrers/${DIGEST}`, { kind: 'referrers', reference: DIGEST }],
    ['POST', '/v2/app/blobs/uploads/', { kind: 'uploads', repository: 'app' }],
    ['PATCH', '/v2/app/blobs/uploads/3f1c', { kind: 'uploads', repository: 'app' }],
    ['GET', '/v2/app/tags/list', { kind: 'tags', repository: 'app' }],
    ['GET', '/v2/_catalog', { kind: 'catalog' }],
    ['GET', '/v2/', { kind: 'base' }],
    ['GET', '/v2/app/secrets/1', { kind: 'other' }],
  ])('tells of %s %s what it was about', async (method, path, about) => {
    const access = await accountOf(path, method)
    expect(access).toMatchObject(about)
    expect(Object.keys(access)).toEqual(expect.arrayContaining(Object.keys(about)))
    if (!('reference' in about)) expect(access?.reference).toBeUndefined()
    if (!('repository' in about) && about.kind !== 'referrers') {
      expect(access?.repository).toBeUndefined()
    }
  })

  it('has the repository as the client named it, and the prefix beside it', async () => {
    const upstream = await startUpstream(world.registryLeaf, (_, response) => response.end('{}'))
    const mapping = { name: NAME, registry: REGISTRY, prefix: 'team-a/', connect: upstream.connect }
    const mappings = new Map([[NAME, mapping]])
    expect(await accountOf('/v2/app/manifests/1', 'GET', { mappings })).toMatchObject({
      path: '/v2/app/manifests/1',
      prefix: 'team-a/',
      repository: 'app',
    })
  })

  it('has the reason of an answer that is not of the registry', async () => {
    expect(await accountOf('/v2/app/manifests/1', 'PUT', { readOnly: true })).toMatchObject({
      status: 405,
      refusal: 'UNSUPPORTED',
      error: expect.stringContaining('read-only') as string,
    })
    const connect = { host: '127.0.0.1', port: 1 }
    const mappings = mappingTo(connect)
    expect(await accountOf('/v2/app/manifests/1', 'GET', { mappings })).toMatchObject({
      status: 424,
      registry: REGISTRY.host,
      repository: 'app',
      refusal: 'UNAVAILABLE',
      error: expect.stringContaining('ECONNREFUSED') as string,
    })
  })
})

/** Waits until something is there, turn by turn of the event loop. */
async function until<T>(look: () => T | undefined | false): Promise<T> {
  for (;;) {
    const found = look()
    if (found) return found
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** The value that a counter has come to rest at: the same over many turns of the event loop. */
async function settled(read: () => number): Promise<number> {
  let turns = 0
  for (let last = -1; turns < 20_000; turns += 1) {
    if (read() !== last) turns = 0
    last = read()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return read()
}

/** What a client reads, and whether TLS tells it that this was all. Node does not: its records do. */
async function tapTls({ port }: Sidecar, request: string) {
  const wire: Buffer[] = []
  const tap = createServer((client) => {
    const sidecar = connectTcp(port, '127.0.0.1')
    sidecar.on('data', (chunk: Buffer) => wire.push(chunk))
    sidecar.pipe(client).pipe(sidecar)
    sidecar.on('error', () => client.destroy())
    client.on('error', () => sidecar.destroy())
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void tap.close())
  await once(tap, 'listening')
  const { port: tapPort } = tap.address() as AddressInfo
  // In TLS 1.3 one can't see which record is an alert.
  const socket = connectTls({ port: tapPort, servername: NAME, maxVersion: 'TLSv1.2' })
  socket.write(request)
  const text = await readText(socket)
  return { text, isEnded: recordTypes(Buffer.concat(wire)).includes(ALERT) }
}

const ALERT = 21

function recordTypes(wire: Buffer): readonly number[] {
  if (wire.length < 5) return []
  return [wire[0]!, ...recordTypes(wire.subarray(5 + wire.readUInt16BE(3)))]
}
