import { compare, hashSync } from 'bcryptjs'
import { beforeAll, describe, expect, it } from 'vitest'
import { readAllow } from '../../src/domain/allow.ts'
import { UserError } from '../../src/domain/errors.ts'
import type { Admission } from '../../src/proxy/admission.ts'
import { createClients } from '../../src/proxy/clients.ts'
import type { Inject } from '../../src/proxy/exchange.ts'
import { openAuthority } from '../emulator/certificates.ts'
import { temporaryFolder } from '../support/folder.ts'
import {
  type Answer,
  fetchFrom,
  NAME,
  openWorld,
  REGISTRY,
  startSidecar,
  startUpstream,
  type World,
} from './neighbours.ts'

let world: World
beforeAll(() => {
  world = openWorld()
})

const HASH = hashSync('secret', 4)
const withPasswords = () => createClients(new Map([['alice', HASH]]), compare)
const basic = (name: string, password: string) => `Basic ${btoa(`${name}:${password}`)}`
const errorOf = ({ text }: Answer) =>
  (JSON.parse(text) as { errors: [{ code: string; message: string }] }).errors[0]

/** Tokens that are numbered; one that was refused gives way to the next, `most` times. */
function injecting(admission: Partial<Admission> = {}, most = 1, helped = () => {}): Inject {
  let number = 1
  const tokens = {
    hold: async () => `token-${number}`,
    refused: () => number <= most && Boolean(number++),
    helped,
  }
  return { admission: { takesCertificates: false, ...admission }, tokensFor: () => tokens }
}

/** A registry that takes one token alone, and answers others as ECR does. */
async function startStrict(good: string, status = 403) {
  const seen: (string | undefined)[] = []
  const upstream = await startUpstream(world.registryLeaf, (request, response) => {
    seen.push(request.headers.authorization)
    response.statusCode = request.headers.authorization === good ? 200 : status
    request.resume().on('end', () => response.end(request.url))
  })
  return { ...upstream, seen }
}

describe('a token of the sidecar', () => {
  it('stands in place of whatever the client sent', async () => {
    const { connect, wire } = await startStrict('token-1')
    const sidecar = await startSidecar(connect, { inject: injecting() })
    const headers = [
      ['Host', NAME],
      ['Authorization', 'Basic b3Ro'],
      ['authorization', 'Basic ZXI='],
    ].flat()
    expect(await fetchFrom(sidecar, '/v2/', { headers })).toMatchObject({ status: 200 })
    expect(wire[0]?.match(/authorization: .*/gi)).toEqual(['Authorization: token-1'])
  })

  it.each([400, 401, 403])('that is refused with %d gives way to a new one', async (status) => {
    const { connect, seen } = await startStrict('token-2', status)
    const sidecar = await startSidecar(connect, { inject: injecting() })
    expect(await fetchFrom(sidecar, '/v2/a/tags/list')).toMatchObject({ status: 200 })
    expect(seen).toEqual(['token-1', 'token-2'])
  })

  it.each([
    ['taken', 'token-2', 1],
    ['refused too', 'none', 0],
  ])('in the place of another is told of when it is %s: %s', async (_, good, times) => {
    const { connect } = await startStrict(good)
    let helped = 0
    const inject = injecting({}, 1, () => void helped++)
    await fetchFrom(await startSidecar(connect, { inject }), '/v2/a/tags/list')
    expect(helped).toBe(times)
  })

  it('that is refused gives way for an upload that begins, too', async () => {
    const { connect, seen } = await startStrict('token-2')
    const sidecar = await startSidecar(connect, { inject: injecting() })
    const answer = await fetchFrom(sidecar, '/v2/a/blobs/uploads/', { method: 'POST' })
    expect([answer.status, seen.length]).toEqual([200, 2])
  })

  it('is tried once more, not again and again', async () => {
    const { connect, seen } = await startStrict('none')
    const sidecar = await startSidecar(connect, { inject: injecting({}, 9) })
    expect(await fetchFrom(sidecar, '/v2/a/tags/list')).toMatchObject({ status: 403 })
    expect(seen).toEqual(['token-1', 'token-2'])
  })

  it('is dropped but not tried once more when a body was sent', async () => {
    const { connect, seen } = await startStrict('token-2')
    const sidecar = await startSidecar(connect, { inject: injecting() })
    const put = { method: 'PUT', body: '{}' }
    expect(await fetchFrom(sidecar, '/v2/a/manifests/1', put)).toMatchObject({ status: 403 })
    expect(await fetchFrom(sidecar, '/v2/a/manifests/1', put)).toMatchObject({ status: 200 })
    expect(seen).toEqual(['token-1', 'token-2'])
  })

  it('that stays refused does not send the client away to log in', async () => {
    const { connect } = await startStrict('none', 401)
    const sidecar = await startSidecar(connect, { inject: injecting() })
    const answer = await fetchFrom(sidecar, '/v2/')
    expect([answer.status, answer.headers['www-authenticate']]).toEqual([424, undefined])
    expect(errorOf(answer).message).toBe(`${REGISTRY.host} refused the sidecar's token; try again`)
  })

  it('that can not be had is told of, with the reason', async () => {
    const hold = () => Promise.reject(new UserError('ACCESS_DENIED', 'no policy allows it'))
    const inject = {
      ...injecting(),
      tokensFor: () => ({ hold, refused: () => false, helped() {} }),
    }
    const sidecar = await startSidecar(undefined, { inject })
    const answer = await fetchFrom(sidecar, '/v2/')
    expect(answer.status).toBe(424)
    expect(errorOf(answer).message).toBe(
      `${REGISTRY.host}: the sidecar has no token: no policy allows it`,
    )
  })
})

describe('a client with a password', () => {
  async function start() {
    const { connect, seen } = await startStrict('token-1')
    const inject = injecting({ clients: withPasswords() })
    return { sidecar: await startSidecar(connect, { inject }), seen }
  }

  it('is challenged under the name that it asked for, so that docker login works', async () => {
    const { sidecar, seen } = await start()
    const answer = await fetchFrom(sidecar, '/v2/')
    expect(answer.status).toBe(401)
    expect(answer.headers['www-authenticate']).toBe(`Basic realm="${NAME}"`)
    expect(errorOf(answer)).toMatchObject({
      code: 'UNAUTHORIZED',
      message: `log in first: docker login ${NAME}`,
    })
    expect(seen).toEqual([])
  })

  it('is let in, and its password goes no further', async () => {
    const { sidecar, seen } = await start()
    const headers = { host: NAME, authorization: basic('alice', 'secret') }
    expect(await fetchFrom(sidecar, '/v2/', { headers })).toMatchObject({ status: 200 })
    expect(seen).toEqual(['token-1'])
    expect(sidecar.accesses[0]).toMatchObject({ client: 'alice' })
  })

  it.each([
    basic('alice', 'wrong'),
    basic('bob', 'secret'),
    basic('', 'secret'),
    'Basic ',
    'Basic %%%',
    `Basic ${btoa('alice')}`,
    'Bearer abc',
  ])('is not let in with %s', async (authorization) => {
    const { sidecar, seen } = await start()
    const answer = await fetchFrom(sidecar, '/v2/', { headers: { host: NAME, authorization } })
    expect([answer.status, seen]).toEqual([401, []])
    expect(JSON.stringify([answer, sidecar.accesses])).not.toContain('secret')
  })
})

describe('a client with a certificate', () => {
  const start = async (admission: Partial<Admission> = {}) => {
    const { connect } = await startStrict('token-1')
    const inject = injecting({ takesCertificates: true, ...admission })
    return await startSidecar(connect, { leaf: world.ownLeaf, clientCa: world.ca, inject })
  }

  it('is let in under the common name of the certificate', async () => {
    const sidecar = await start()
    const shown = world.authority.issue(['build.company.test'])
    expect(await fetchFrom(sidecar, '/v2/', { ca: world.ca, ...shown })).toMatchObject({
      status: 200,
    })
    expect(sidecar.accesses[0]).toMatchObject({ client: 'build.company.test' })
  })

  it('is not let in with one that another authority has signed, nor without', async () => {
    const sidecar = await start()
    const stranger = openAuthority(temporaryFolder()).issue(['build.company.test'])
    for (const shown of [stranger, {}]) {
      const answer = await fetchFrom(sidecar, '/v2/', { ca: world.ca, ...shown })
      expect(answer.status).toBe(403)
      expect(errorOf(answer)).toMatchObject({ code: 'DENIED' })
    }
  })

  it('may use a password instead where there are passwords', async () => {
    const sidecar = await start({ clients: withPasswords() })
    const headers = { host: NAME, authorization: basic('alice', 'secret') }
    const options = { ca: world.ca, headers }
    expect(await fetchFrom(sidecar, '/v2/', options)).toMatchObject({ status: 200 })
    expect(await fetchFrom(sidecar, '/v2/', { ca: world.ca })).toMatchObject({ status: 401 })
  })
})

describe('the rights of a client', () => {
  const allow = readAllow({
    where: '',
    key: '',
    value: { alice: ['team-a/*:pull,push', 'base/*:pull', 'drop/*:push'] },
  })

  async function ask(method: string, path: string): Promise<Answer> {
    const { connect } = await startStrict('token-1')
    const inject = injecting({ clients: withPasswords(), allow })
    const sidecar = await startSidecar(connect, { inject })
    const headers = { host: NAME, authorization: basic('alice', 'secret') }
    return await fetchFrom(sidecar, path, { method, headers })
  }

  it.each([
    ['GET', '/v2/'],
    ['GET', '/v2/team-a/app/manifests/1'],
    ['PUT', '/v2/team-a/app/manifests/1'],
    ['POST', '/v2/team-a/app/blobs/uploads/'],
    ['PATCH', '/v2/team-a/app/blobs/uploads/1'],
    ['GET', '/v2/team-a/app/tags/list?n=2'],
    ['GET', '/v2/base/os/blobs/sha256:00'],
    ['HEAD', '/v2/drop/app/blobs/sha256:00'],
    ['GET', '/v2/drop/app/blobs/uploads/1'],
  ])('cover %s %s', async (method, path) => {
    expect(await ask(method, path)).toMatchObject({ status: 200 })
  })

  it.each([
    ['GET', '/v2/other/app/manifests/1', 'alice may not pull other/app: no rule'],
    ['PUT', '/v2/base/os/manifests/1', 'alice may not push base/os: no rule'],
    ['DELETE', '/v2/base/os/manifests/1', 'alice may not push base/os: no rule'],
    ['POST', '/v2/base/os/blobs/uploads/', 'alice may not push base/os: no rule'],
    ['GET', '/v2/drop/app/manifests/1', 'alice may not pull drop/app: no rule'],
    ['GET', '/v2/_catalog', 'alice may not pull all repositories: no rule'],
    ['GET', '/v2/te%61m-a/app/manifests/1', 'alice may not pull all repositories: no rule'],
    ['GET', '/v2/team-a/app', 'alice may not pull all repositories: no rule'],
    [
      'GET',
      '/v2/other/manifests/team-a/app/manifests/1',
      'alice may not pull other/manifests/team',
    ],
  ])('do not cover %s %s, and docker shows why', async (method, path, message) => {
    const answer = await ask(method, path)
    expect(answer.status).toBe(403)
    expect(errorOf(answer)).toMatchObject({
      code: 'DENIED',
      message: expect.stringContaining(message) as string,
    })
  })

  it('hold for the repository that a layer is mounted from: else it is uploaded', async () => {
    const path = '/v2/team-a/app/blobs/uploads/'
    const allowed = `${path}?mount=sha256:00&from=base%2Fos`
    expect(await ask('POST', allowed)).toMatchObject({ text: allowed })
    expect(await ask('POST', `${path}?mount=sha256:00&from=other/app`)).toMatchObject({
      text: path,
    })
    expect(await ask('POST', `${path}?from=base/os&mount=sha256:00&from=other`)).toMatchObject({
      text: path,
    })
  })
})
