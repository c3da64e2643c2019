import type { RequestListener } from 'node:http'
import { beforeAll, describe, expect, it } from 'vitest'
import { readAllow } from '../../src/domain/allow.ts'
import type { Mappings } from '../../src/domain/mapping.ts'
import { withoutPrefix, withPrefix } from '../../src/proxy/prefix.ts'
import {
  fetchFrom,
  mappingTo,
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

/** The sidecar with the prefix team-a/ in front of a registry. */
async function start(handler: RequestListener) {
  const upstream = await startUpstream(world.registryLeaf, handler)
  const mappings: Mappings = new Map(
    [...mappingTo(upstream.connect)].map(([name, own]) => [name, { ...own, prefix: 'team-a/' }]),
  )
  return { sidecar: await startSidecar(undefined, { mappings }), upstream, mappings }
}

describe('a target', () => {
  it.each([
    ['/v2/', '/v2/'],
    ['/v2', '/v2'],
    ['/v2/_catalog?n=2&last=x', '/v2/_catalog?n=2&last=x'],
    ['/v2/app/manifests/1', '/v2/team-a/app/manifests/1'],
    ['/v2/deep/app/blobs/sha256:00', '/v2/team-a/deep/app/blobs/sha256:00'],
    ['/v2/app/tags/list?n=2&last=1%2F', '/v2/team-a/app/tags/list?n=2&last=1%2F'],
    ['/v2/app/blobs/uploads/', '/v2/team-a/app/blobs/uploads/'],
    ['/v2/app/blobs/uploads/?x', '/v2/team-a/app/blobs/uploads/?x'],
    ['/v2/anything/else', '/v2/team-a/anything/else'],
    ['/v2/_catalog/x', '/v2/team-a/_catalog/x'],
  ])('%s is %s at the registry, and back', (own, there) => {
    expect(withPrefix(own, 'team-a/')).toBe(there)
    expect(withoutPrefix(there, 'team-a/')).toBe(own)
  })

  it.each([
    'mount=sha256:00&from=base',
    'from=base&mount=sha256:00',
    'mount=sha256:00&fr%6Fm=base',
    'mount=sha256:00&from=b%61se',
  ])('mounts from a repository of the prefix: %s', (query) => {
    const target = withPrefix(`/v2/app/blobs/uploads/?${query}`, 'team-a/')
    const params = new URLSearchParams(target.split('?')[1])
    expect(Object.fromEntries(params)).toEqual({ mount: 'sha256:00', from: 'team-a/base' })
  })
})

describe('a prefix', () => {
  it('is in the path of the registry and in no Location', async () => {
    const { sidecar, upstream } = await start((request, response) => {
      response.writeHead(202, { location: `https://${REGISTRY.host}${request.url}1?a=b` }).end()
    })
    const answer = await fetchFrom(sidecar, '/v2/app/blobs/uploads/', { method: 'POST' })
    expect(upstream.wire[0]).toMatch(/^POST \/v2\/team-a\/app\/blobs\/uploads\/ HTTP/)
    expect(answer.headers.location).toBe(
      `http://${NAME}:${sidecar.port}/v2/app/blobs/uploads/1?a=b`,
    )
    expect(sidecar.accesses[0]).toMatchObject({ path: '/v2/app/blobs/uploads/' })
  })

  it.each([
    ['/v2/team-a/app/blobs/uploads/1', '/v2/app/blobs/uploads/1'],
    ['https://bucket.test/v2/team-a/app', 'https://bucket.test/v2/team-a/app'],
  ])('leaves of the Location %s: %s', async (location, expected) => {
    const { sidecar } = await start((_, response) => response.writeHead(307, { location }).end())
    expect(await fetchFrom(sidecar, '/v2/app/blobs/sha256:00')).toMatchObject({
      headers: { location: expected },
    })
  })

  it('is in no list of tags, nor in its Link', async () => {
    const { sidecar } = await start((_, response) => {
      const link = `<https://${REGISTRY.host}/v2/team-a/app/tags/list?last=x>; rel="next"`
      response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', link })
      response.end('{"name":"team-a/app","tags":["1","team-a"]}')
    })
    const { text, headers } = await fetchFrom(sidecar, '/v2/app/tags/list')
    expect(text).toBe('{"name":"app","tags":["1","team-a"]}')
    expect(headers['content-length']).toBe(String(text.length))
    expect(headers['link']).toBe(
      `<http://${NAME}:${sidecar.port}/v2/app/tags/list?last=x>; rel="next"`,
    )
  })

  it('is in no catalog, which holds nothing else', async () => {
    const { sidecar } = await start((_, response) => {
      response.end('{"repositories":["other/app","team-a/app","team-a/x/y","team-ab/app"]}')
    })
    const { text } = await fetchFrom(sidecar, '/v2/_catalog')
    expect(JSON.parse(text)).toEqual({ repositories: ['app', 'x/y'] })
  })

  it('is in no text of an error', async () => {
    const body = (name: string) =>
      `{"errors":[{"code":"NAME_UNKNOWN","message":"The repository with name '${name}' does not exist"}]}`
    const { sidecar } = await start((_, response) => {
      response.writeHead(404, { 'content-type': 'application/json' }).end(body('team-a/app'))
    })
    expect(await fetchFrom(sidecar, '/v2/app/manifests/1')).toMatchObject({
      status: 404,
      text: body('app'),
    })
  })

  it('changes no manifest and no layer, for these have a digest', async () => {
    const content = '{"name":"team-a/app"}'
    const { sidecar } = await start((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(content)
    })
    expect(await fetchFrom(sidecar, '/v2/app/manifests/1')).toMatchObject({ text: content })
    expect(await fetchFrom(sidecar, '/v2/app/blobs/sha256:00')).toMatchObject({ text: content })
  })

  it('asks for no coding, in which names could not be read', async () => {
    const { sidecar, upstream } = await start((_, response) => response.end('{}'))
    const headers = { host: NAME, 'accept-encoding': 'gzip' }
    await fetchFrom(sidecar, '/v2/_catalog', { headers })
    expect(upstream.wire[0]).not.toMatch(/accept-encoding/i)
  })

  it.each([
    ['is no JSON', 'rubbish', /is no JSON/],
    ['is too long', `["${'x'.repeat(5 * 1024 * 1024)}"]`, /too long/],
  ])('can not be taken out of a list that %s', async (_, text, message) => {
    const { sidecar } = await start((_request, response) => response.end(text))
    const answer = await fetchFrom(sidecar, '/v2/_catalog')
    expect([answer.status, answer.text]).toEqual([424, expect.stringMatching(message)])
  })

  it('is not in the rules of clients, who do not know it', async () => {
    const { mappings } = await start((_, response) => response.end('{}'))
    const value = { '*': ['app:pull'] }
    const allow = readAllow({ where: '', key: '', value })
    const tokens = { hold: async () => 'token', refused: () => false, helped() {} }
    const inject = { admission: { takesCertificates: false, allow }, tokensFor: () => tokens }
    const sidecar = await startSidecar(undefined, { mappings, inject })
    expect(await fetchFrom(sidecar, '/v2/app/manifests/1')).toMatchObject({ status: 200 })
    expect(await fetchFrom(sidecar, '/v2/team-a/app/manifests/1')).toMatchObject({ status: 403 })
  })
})
