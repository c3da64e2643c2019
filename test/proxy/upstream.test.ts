import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import {
  fetchFrom,
  mappingTo,
  NAME,
  openWorld,
  REGISTRY,
  startRawUpstream,
  startSidecar,
  startUpstream,
  type World,
} from './neighbours.ts'

let world: World
beforeAll(() => {
  world = openWorld()
})

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const messageOf = (text: string) =>
  (JSON.parse(text) as { errors: [{ code: string; message: string }] }).errors[0]

/** A registry that answers the first request, and drops the connection at the second. */
function startForgetful() {
  return startRawUpstream(world.registryLeaf, (socket, index) => {
    let requests = 0
    socket.on('data', () => {
      requests += 1
      if (index === 0 && requests === 2) socket.destroy()
      else socket.write(OK)
    })
  })
}

describe('a connection to the registry', () => {
  it('is used again by requests without a body', async () => {
    const upstream = await startUpstream(world.registryLeaf, (_, response) => response.end())
    const sidecar = await startSidecar(upstream.connect)
    await fetchFrom(sidecar, '/v2/1')
    await fetchFrom(sidecar, '/v2/2', { method: 'HEAD' })
    expect(upstream.wire).toHaveLength(1)
  })

  it.each(['PUT', 'PATCH', 'POST', 'DELETE'])('is a fresh one for %s', async (method) => {
    const upstream = await startUpstream(world.registryLeaf, (_, response) => response.end())
    const sidecar = await startSidecar(upstream.connect)
    await fetchFrom(sidecar, '/v2/1')
    await fetchFrom(sidecar, '/v2/2', { method })
    expect(upstream.wire).toHaveLength(2)
  })

  it.each(['GET', 'HEAD'])('that has gone stale is no failure of a %s', async (method) => {
    const upstream = await startForgetful()
    const sidecar = await startSidecar(upstream.connect)
    await fetchFrom(sidecar, '/v2/1')
    expect(await fetchFrom(sidecar, '/v2/2', { method })).toMatchObject({ status: 200 })
    expect(upstream.wire).toHaveLength(2)
  })

  it('that drops a first request is not asked again', async () => {
    const upstream = await startRawUpstream(world.registryLeaf, (socket) => {
      socket.once('data', () => socket.destroy())
    })
    const sidecar = await startSidecar(upstream.connect)
    const answer = await fetchFrom(sidecar, '/v2/1')
    expect(answer.status).toBe(424)
    expect(messageOf(answer.text).message).toMatch(/closed the connection without an answer/)
    expect(upstream.wire).toHaveLength(1)
  })

  it('that drops an upload is not asked again, and the answer names the likely cause', async () => {
    const upstream = await startRawUpstream(world.registryLeaf, (socket) => {
      socket.once('data', () => socket.destroy())
    })
    const sidecar = await startSidecar(upstream.connect)
    const answer = await fetchFrom(sidecar, '/v2/a/blobs/uploads/', { method: 'POST' })
    expect(answer.status).toBe(424)
    expect(messageOf(answer.text).message).toMatch(/the repository does not exist: create it/)
    expect(upstream.wire).toHaveLength(1)
  })
})

describe('a registry that can not be asked', () => {
  it.each([
    ['another name', ['other.test']],
    ['the name of the client', [NAME]],
  ])('is told of when its certificate has %s', async (_, names) => {
    const upstream = await startUpstream(world.authority.issue(names), () => {})
    const sidecar = await startSidecar(upstream.connect)
    const answer = await fetchFrom(sidecar, '/v2/')
    expect(answer.status).toBe(424)
    expect(messageOf(answer.text)).toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(
        /1234.*certificate is not trusted \(ERR_TLS_CERT_ALTNAME_INVALID\)/,
      ) as string,
    })
    expect(upstream.wire.join('')).toBe('')
  })

  it('is never asked without a check of its certificate, whatever the environment says', async () => {
    const upstream = await startUpstream(world.authority.issue(['other.test']), () => {})
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    onTestFinished(() => void delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'])
    const sidecar = await startSidecar(upstream.connect)
    const answer = await fetchFrom(sidecar, '/v2/', {
      headers: { host: NAME, authorization: 'secret' },
    })
    expect(answer.status).toBe(424)
    expect(answer.text).not.toContain('secret')
    expect(upstream.wire.join('')).toBe('')
  })

  it('is told of when nothing listens', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    server.close()
    const sidecar = await startSidecar({ host: '127.0.0.1', port })
    const answer = await fetchFrom(sidecar, '/v2/')
    expect(answer.status).toBe(424)
    expect(messageOf(answer.text).message).toBe(
      `${REGISTRY.host} (connecting to 127.0.0.1): it can't be reached (ECONNREFUSED); check routes and firewalls, or "connect" of the mapping`,
    )
  })

  it('is told of when its name is unknown', async () => {
    const sidecar = await startSidecar({ host: 'no-such-host.invalid' })
    const answer = await fetchFrom(sidecar, '/v2/')
    expect(messageOf(answer.text).message).toMatch(
      /its name can't be looked up \((ENOTFOUND|EAI_AGAIN)\)/,
    )
  })

  it('is told of when it takes too long to connect', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    onTestFinished(() => void silent.close())
    const { port } = silent.address() as AddressInfo
    const sidecar = await startSidecar({ host: '127.0.0.1', port }, { deadlines: { connect: 50 } })
    const answer = await fetchFrom(sidecar, '/v2/')
    expect(messageOf(answer.text).message).toMatch(/can't be reached \(ETIMEDOUT\)/)
  })

  it('is told of when its answer is rubbish', async () => {
    const upstream = await startRawUpstream(world.registryLeaf, (socket) => {
      socket.once('data', () => socket.write('220 mail.test ESMTP\r\n'))
    })
    const sidecar = await startSidecar(upstream.connect)
    const answer = await fetchFrom(sidecar, '/v2/')
    expect(messageOf(answer.text).message).toMatch(/its answer is not HTTP \(HPE_/)
  })

  it.each([
    ['a length and chunks', 'Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok'],
    ['two lengths', 'Content-Length: 2\r\nContent-Length: 3\r\n\r\nok'],
    ['another length later', 'Content-Length: 2\r\nX: a\r\nContent-Length: 02\r\n\r\nok'],
    ['a bare LF', 'X: a\nContent-Length: 2\r\n\r\nok'],
  ])('is told of when its answer has %s', async (_, rest) => {
    const upstream = await startRawUpstream(world.registryLeaf, (socket) => {
      socket.once('data', () => socket.write(`HTTP/1.1 200 OK\r\n${rest}`))
    })
    const sidecar = await startSidecar(upstream.connect)
    expect(await fetchFrom(sidecar, '/v2/')).toMatchObject({ status: 424 })
  })

  it('is told of when it answers in another protocol', async () => {
    const upstream = await startRawUpstream(world.registryLeaf, (socket) => {
      socket.once('data', () =>
        socket.write(
          'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
        ),
      )
    })
    const sidecar = await startSidecar(upstream.connect)
    expect(await fetchFrom(sidecar, '/v2/')).toMatchObject({ status: 424 })
  })

  it('does not keep others from being asked', async () => {
    const upstream = await startUpstream(world.registryLeaf, (_, response) => response.end('ok'))
    const mappings = new Map([
      ...mappingTo(upstream.connect),
      ...mappingTo({ host: 'no-such-host.invalid' }, 'broken.test'),
    ])
    const sidecar = await startSidecar(undefined, { mappings })
    const answers = await Promise.all([
      fetchFrom(sidecar, '/v2/', { headers: { host: 'broken.test' } }),
      fetchFrom(sidecar, '/v2/'),
    ])
    expect(answers.map(({ status }) => status)).toEqual([424, 200])
  })
})
