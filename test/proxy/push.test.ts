import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { UserError } from '../../src/domain/errors.ts'
import type { PushRules } from '../../src/domain/push-rules.ts'
import type { HookQuestion, Pushes } from '../../src/proxy/push.ts'
import { createRepositories } from '../../src/proxy/repositories.ts'
import {
  type Answer,
  fetchFrom,
  mappingTo,
  NAME,
  openWorld,
  REGISTRY,
  type Sidecar,
  startSidecar,
  startUpstream,
  type World,
} from './neighbours.ts'

let world: World
beforeAll(() => {
  world = openWorld()
})

const IMAGE = 'application/vnd.oci.image.manifest.v1+json'
const INDEX = 'application/vnd.oci.image.index.v1+json'
const CONFIG = 'application/vnd.oci.image.config.v1+json'
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip'

const digestOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`
const descriptor = (mediaType: string, size: number) => ({ mediaType, size, digest: digestOf('x') })
const image = (more: object = {}) =>
  JSON.stringify({
    schemaVersion: 2,
    mediaType: IMAGE,
    config: descriptor(CONFIG, 100),
    layers: [descriptor(LAYER, 1000), descriptor(LAYER, 2000)],
    ...more,
  })
const index = (more: object = {}) =>
  JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [descriptor(IMAGE, 9)], ...more })

const errorOf = ({ text }: Answer) =>
  (JSON.parse(text) as { errors: [{ code: string; message: string }] }).errors[0]

function pushesBy(rules: PushRules, more: Partial<Pushes> = {}): Pushes {
  const known = new Map<string, object>()
  return {
    rulesFor: () => rules,
    askHook: async () => undefined,
    labels: { find: (digest) => known.get(digest) as never, keep: (d, own) => known.set(d, own) },
    repositories: createRepositories(() => 0),
    createRepository: async () => {},
    ...more,
  }
}

type Seen = { readonly line: string; readonly headers: object; readonly body: string }
type Answers = (request: IncomingMessage, response: ServerResponse) => void

/** A registry that takes everything, with a sidecar by these rules in front of it. */
async function start(rules: PushRules, more: Partial<Pushes> = {}, answers?: Answers) {
  const seen: Seen[] = []
  const upstream = await startUpstream(world.registryLeaf, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      seen.push({ line: `${method} ${url}`, headers, body: Buffer.concat(chunks).toString() })
      response.statusCode = method === 'HEAD' ? 404 : 201
      answers?.(request, response)
      response.end()
    })
  })
  const sidecar = await startSidecar(upstream.connect, { pushes: pushesBy(rules, more) })
  return { sidecar, seen, lines: () => seen.map(({ line }) => line) }
}

function put(sidecar: Sidecar, path: string, body: string, type = IMAGE): Promise<Answer> {
  const headers = { host: NAME, 'content-type': type, 'content-length': Buffer.byteLength(body) }
  return fetchFrom(sidecar, path, { method: 'PUT', headers, body })
}

describe('a manifest that is pushed', () => {
  it('reaches the registry byte for byte', async () => {
    const { sidecar, seen } = await start({ maxSize: 5000 })
    const body = ` ${image({ annotations: { greeting: 'grüß\\u0047ott' } })}\n\n`
    expect(await put(sidecar, '/v2/a/manifests/v1', body)).toMatchObject({ status: 201 })
    expect(seen).toMatchObject([
      { body, headers: { 'content-length': `${Buffer.byteLength(body)}`, 'content-type': IMAGE } },
    ])
    await vi.waitFor(() => {
      expect(sidecar.accesses).toMatchObject([{ bytesReceived: Buffer.byteLength(body) }])
    })
  })

  it('that came in chunks goes on with its length', async () => {
    const { sidecar, seen } = await start({ tags: ['v*'] })
    const headers = { host: NAME, 'content-type': IMAGE, 'transfer-encoding': 'chunked' }
    const asked = { method: 'PUT', headers, body: image() }
    expect(await fetchFrom(sidecar, '/v2/a/manifests/v1', asked)).toMatchObject({ status: 201 })
    expect(seen).toMatchObject([
      { body: image(), headers: { 'content-length': expect.anything() } },
    ])
    expect(seen[0]?.headers).not.toHaveProperty('transfer-encoding')
  })

  it.each([
    ['no JSON', '{"schemaVersion":2', IMAGE],
    ['a list', '[]', IMAGE],
    ['an image by its header and an index by itself', index(), IMAGE],
    ['an index by its header and an image by itself', image(), INDEX],
    ['both', image({ manifests: [] }), IMAGE],
    ['both, without a type', image({ mediaType: undefined, manifests: [] }), IMAGE],
    ['an image without a configuration', image({ config: undefined }), IMAGE],
    ['an image with a size that is none', image({ layers: [descriptor(LAYER, -1)] }), IMAGE],
    ['an image with layers that are none', image({ layers: 'all' }), IMAGE],
    ['an image with a digest that is none', image({ config: { digest: '../x' } }), IMAGE],
  ])('is refused where it is %s', async (_, body, type) => {
    const { sidecar, seen } = await start({ repositories: ['*'] })
    const answer = await put(sidecar, '/v2/a/manifests/v1', body, type)
    expect([answer.status, errorOf(answer).code]).toEqual([400, 'MANIFEST_INVALID'])
    expect(seen).toEqual([])
  })

  it('is refused where its digest is another than the one it is put by', async () => {
    const { sidecar, lines } = await start({ tags: ['v*'] })
    const right = `/v2/a/manifests/${digestOf(image())}`
    const long = `sha512:${createHash('sha512').update(image()).digest('hex')}`
    expect(await put(sidecar, right, image())).toMatchObject({ status: 201 })
    expect(await put(sidecar, `/v2/a/manifests/${long}`, image())).toMatchObject({ status: 201 })
    const answer = await put(sidecar, right, index(), INDEX)
    expect([answer.status, errorOf(answer).code]).toEqual([400, 'DIGEST_INVALID'])
    expect(lines()).toHaveLength(2)
  })

  it('is refused where it is over 4 MiB, told beforehand or not', async () => {
    const { sidecar, seen } = await start({ repositories: ['*'] })
    const body = ' '.repeat(4 * 1024 * 1024 + 1)
    expect(await put(sidecar, '/v2/a/manifests/v1', body)).toMatchObject({ status: 413 })
    const headers = { host: NAME, 'transfer-encoding': 'chunked' }
    const chunked = await fetchFrom(sidecar, '/v2/a/manifests/v1', { method: 'PUT', headers, body })
    expect(chunked.status).toBe(413)
    expect(await put(sidecar, '/v2/a/manifests/v1', image())).toMatchObject({ status: 201 })
    expect(seen).toHaveLength(1)
  })

  it('streams as ever where no rule is', async () => {
    const { sidecar, seen } = await start({}, { rulesFor: () => undefined })
    expect(await put(sidecar, '/v2/a/manifests/v1', 'rubbish')).toMatchObject({ status: 201 })
    expect(seen).toMatchObject([{ body: 'rubbish' }])
  })
})

describe('"repositories"', () => {
  const rules = { repositories: ['team-*/**', 'base'] }
  const message = 'other: pushes are taken for team-*/**, base here'

  it.each([
    ['POST', '/v2/other/blobs/uploads/'],
    ['POST', '/v2/other/blobs/uploads/?mount=sha256:1&from=base'],
    ['PATCH', '/v2/other/blobs/uploads/1'],
    ['PUT', '/v2/other/blobs/uploads/1?digest=sha256:1'],
    ['PUT', '/v2/other/manifests/v1'],
    ['DELETE', '/v2/other/manifests/v1'],
  ])('refuse %s %s in words that docker shows', async (method, path) => {
    const { sidecar, seen } = await start(rules)
    const answer = await fetchFrom(sidecar, path, { method })
    expect([answer.status, errorOf(answer)]).toEqual([
      403,
      { code: 'DENIED', message, detail: null },
    ])
    expect(seen).toEqual([])
    await vi.waitFor(() => {
      expect(sidecar.accesses).toMatchObject([{ status: 403, error: message }])
    })
  })

  it.each([
    ['POST', '/v2/team-a/app/blobs/uploads/'],
    ['PATCH', '/v2/base/blobs/uploads/1'],
    ['GET', '/v2/other/manifests/v1'],
    ['HEAD', '/v2/other/blobs/sha256:1'],
  ])('let %s %s pass', async (method, path) => {
    const { sidecar, lines } = await start(rules)
    await fetchFrom(sidecar, path, { method })
    expect(lines()).toEqual([`${method} ${path}`])
  })

  it.each(['/v2/%6fther/manifests/v1', '/v2/Other/blobs/uploads/', '/v2/'])(
    'refuse %s, which the registry could take for another',
    async (path) => {
      const { sidecar, seen } = await start(rules)
      expect(await fetchFrom(sidecar, path, { method: 'POST' })).toMatchObject({ status: 403 })
      expect(seen).toEqual([])
    },
  )

  it('are those that clients see, without the prefix of a mapping', async () => {
    const { sidecar, lines } = await prefixed({ repositories: ['app'] })
    expect(await put(sidecar, '/v2/app/manifests/v1', image())).toMatchObject({ status: 201 })
    expect(await put(sidecar, '/v2/team/app/manifests/v1', image())).toMatchObject({ status: 403 })
    expect(lines()).toEqual(['PUT /v2/team/app/manifests/v1'])
  })
})

/** As `start`, with a prefix before all repositories. */
async function prefixed(rules: PushRules, more: Partial<Pushes> = {}) {
  const seen: string[] = []
  const upstream = await startUpstream(world.registryLeaf, (request, response) => {
    seen.push(`${request.method} ${request.url}`)
    response.statusCode = request.method === 'HEAD' ? 404 : 201
    request.resume().on('end', () => response.end())
  })
  const mapping = { ...mappingTo(upstream.connect).get(NAME)!, prefix: 'team/' }
  const options = { mappings: new Map([[NAME, mapping]]), pushes: pushesBy(rules, more) }
  return { sidecar: await startSidecar(upstream.connect, options), lines: () => seen }
}

describe('"tags"', () => {
  it.each([
    ['v1', 201],
    ['main', 201],
    ['latest', 403],
    [digestOf(image()), 201],
    [`${digestOf(image())}?tag=v2`, 201],
    [`${digestOf(image())}?tag=v2&tag=latest`, 403],
    ['%76%31', 403],
  ])('["v*", "main"] for %s: %d', async (reference, status) => {
    const { sidecar } = await start({ tags: ['v*', 'main'] })
    expect((await put(sidecar, `/v2/a/manifests/${reference}`, image())).status).toBe(status)
  })
})

describe('"maxSize"', () => {
  it('holds for configuration and layers together, told in words', async () => {
    const { sidecar } = await start({ maxSize: 3099 })
    const answer = await put(sidecar, `/v2/a/manifests/${digestOf(image())}`, image())
    expect(errorOf(answer).message).toBe(
      'the image has 3100 bytes, which is over the 3099 that are taken here',
    )
    const { sidecar: wider } = await start({ maxSize: 3100 })
    expect(await put(wider, '/v2/a/manifests/v1', image())).toMatchObject({ status: 201 })
  })

  it('lets an index pass, whose images were held against it', async () => {
    const { sidecar } = await start({ maxSize: 1 })
    expect(await put(sidecar, '/v2/a/manifests/v1', index(), INDEX)).toMatchObject({ status: 201 })
  })

  it('refuses a type of which it can not be told', async () => {
    const { sidecar } = await start({ maxSize: 1 })
    const old = 'application/vnd.docker.distribution.manifest.v1+prettyjws'
    const answer = await put(sidecar, '/v2/a/manifests/v1', '{"schemaVersion":1}', old)
    expect(errorOf(answer).message).toBe(
      `a manifest of type ${old} can't be held against the rules here`,
    )
    const odd = await put(sidecar, '/v2/a/manifests/v1', '{}', 'constructor')
    expect(odd.status).toBe(403)
    const { sidecar: open } = await start({ tags: ['v1'] })
    expect(await put(open, '/v2/a/manifests/v1', '{}', old)).toMatchObject({ status: 201 })
  })
})

describe('"requireAnnotations"', () => {
  const rules = { requireAnnotations: { licence: 'MIT*', owner: '*' } }

  it.each([
    [{ licence: 'MIT-0', owner: 'a' }, undefined],
    [{ licence: 'GPL', owner: 'a' }, 'the annotation licence is "GPL", and not MIT*'],
    [{ licence: 'MIT', owner: '' }, 'the annotation owner is missing'],
    [{ licence: 'MIT', owner: 7 }, 'the annotation owner is missing'],
    [undefined, 'the annotation licence is missing'],
  ])('make of %j: %s', async (annotations, message) => {
    const { sidecar } = await start(rules)
    for (const [body, type] of [
      [image({ annotations }), IMAGE],
      [index({ annotations }), INDEX],
    ] as const) {
      const answer = await put(sidecar, '/v2/a/manifests/v1', body, type)
      expect(answer.status).toBe(message === undefined ? 201 : 403)
      if (message !== undefined) expect(errorOf(answer).message).toBe(message)
    }
  })

  it('are not asked of what is pushed by its digest, as the parts of an index are', async () => {
    const { sidecar } = await start(rules)
    const path = `/v2/a/manifests/${digestOf(image())}`
    expect(await put(sidecar, path, image())).toMatchObject({ status: 201 })
  })
})

describe('"immutableTags"', () => {
  const rules = { immutableTags: ['v*'] }
  const has =
    (status: number, digest?: string): Answers =>
    ({ method }, response) => {
      if (method !== 'HEAD') return
      response.statusCode = status
      if (digest !== undefined) response.setHeader('Docker-Content-Digest', digest)
    }

  it.each([
    ['is new', 404, undefined, undefined],
    ['is the same', 200, digestOf(image()), undefined],
    ['is another', 200, digestOf('other'), 'v1: the tag is immutable here and has another image'],
    ['can not be seen', 403, undefined, 'v1: the tag is immutable here, and the registry did not'],
    ['is not told', 200, undefined, 'v1: the tag is immutable here, and the registry did not'],
    // The push itself is answered with the same challenge.
    ['is not for strangers', 401, undefined, undefined],
  ])('of what %s', async (_, status, digest, message) => {
    const { sidecar, lines } = await start(rules, {}, has(status, digest))
    const answer = await put(sidecar, '/v2/a/manifests/v1', image())
    expect(answer.status).toBe(message === undefined ? 201 : 403)
    if (message !== undefined) expect(errorOf(answer).message).toMatch(message)
    const head = 'HEAD /v2/a/manifests/v1'
    expect(lines()).toEqual(message === undefined ? [head, 'PUT /v2/a/manifests/v1'] : [head])
  })

  it('are asked for with the login of the push, and of every type', async () => {
    const { sidecar, seen } = await start(rules)
    const headers = { host: NAME, authorization: 'Basic bWU=', 'content-type': IMAGE }
    const push = { method: 'PUT', headers, body: image() }
    expect(await fetchFrom(sidecar, '/v2/a/manifests/v1', push)).toMatchObject({ status: 201 })
    expect(seen[0]).toMatchObject({
      line: 'HEAD /v2/a/manifests/v1',
      headers: { authorization: 'Basic bWU=', accept: expect.stringContaining(INDEX) as string },
      body: '',
    })
    expect(seen[0]?.headers).not.toHaveProperty('content-length')
  })

  it('are asked for below the prefix of a mapping', async () => {
    const { sidecar, lines } = await prefixed(rules)
    expect(await put(sidecar, '/v2/app/manifests/v1', image())).toMatchObject({ status: 201 })
    expect(lines()).toEqual(['HEAD /v2/team/app/manifests/v1', 'PUT /v2/team/app/manifests/v1'])
  })

  it.each([
    ['v1', 403],
    ['main', 201],
    [digestOf('x'), 403],
  ])('let no DELETE of %s pass: %d', async (reference, status) => {
    const { sidecar } = await start(rules)
    const answer = await fetchFrom(sidecar, `/v2/a/manifests/${reference}`, { method: 'DELETE' })
    expect(answer.status).toBe(status)
  })
})

describe('a hook', () => {
  const rules: PushRules = { hook: ['/bin/check'] }

  it('is told all about the push', async () => {
    const asked: HookQuestion[] = []
    const askHook = async (_: PushRules, question: HookQuestion) => void asked.push(question)
    const { sidecar } = await start(rules, { askHook })
    expect(await put(sidecar, '/v2/team/app/manifests/v1', image())).toMatchObject({ status: 201 })
    expect(asked).toEqual([
      {
        client: '',
        name: NAME,
        registry: REGISTRY.host,
        repository: 'team/app',
        reference: 'v1',
        digest: digestOf(image()),
        mediaType: IMAGE,
        manifest: JSON.parse(image()) as object,
        sizes: { manifest: image().length, content: 3100 },
      },
    ])
  })

  it('that refuses is quoted to the user', async () => {
    const { sidecar, seen } = await start(rules, { askHook: async () => 'not on a Friday' })
    const answer = await put(sidecar, '/v2/a/manifests/v1', image())
    expect([answer.status, errorOf(answer)]).toMatchObject([
      403,
      { code: 'DENIED', message: 'not on a Friday' },
    ])
    expect(seen).toEqual([])
  })

  it('is asked last: not of what another rule refuses', async () => {
    let asked = 0
    const askHook = async () => void asked++
    const { sidecar } = await start({ ...rules, tags: ['v*'], maxSize: 1 }, { askHook })
    await put(sidecar, '/v2/a/manifests/main', image())
    await put(sidecar, '/v2/a/manifests/v1', image())
    expect(asked).toBe(0)
  })
})

describe('"createRepository"', () => {
  const rules: PushRules = { repositories: ['team/*'], createRepository: { scanOnPush: true } }
  const post = (sidecar: Sidecar, repository = 'team/app') =>
    fetchFrom(sidecar, `/v2/${repository}/blobs/uploads/`, { method: 'POST' })

  function counting(outcome: () => Promise<void> = async () => {}) {
    const made: unknown[] = []
    const createRepository: Pushes['createRepository'] = async (_, repository, settings) => {
      made.push([repository, settings])
      await outcome()
    }
    return { made, createRepository }
  }

  it('makes sure of it before an upload begins, once for twenty at a time', async () => {
    const { made, createRepository } = counting()
    const { sidecar, lines } = await start(rules, { createRepository })
    await Promise.all(Array.from({ length: 20 }, () => post(sidecar)))
    await put(sidecar, '/v2/team/app/manifests/v1', image())
    expect(made).toEqual([['team/app', { scanOnPush: true }]])
    expect(lines()).toHaveLength(21)
  })

  it('does so with the prefix of a mapping', async () => {
    const { made, createRepository } = counting()
    const { sidecar } = await prefixed({ createRepository: {} }, { createRepository })
    await post(sidecar, 'app')
    expect(made).toEqual([['team/app', {}]])
  })

  it('makes none that may not be pushed to, and none for pulls', async () => {
    const { made, createRepository } = counting()
    const { sidecar } = await start(rules, { createRepository })
    expect(await post(sidecar, 'other')).toMatchObject({ status: 403 })
    await fetchFrom(sidecar, '/v2/team/app/manifests/v1')
    expect(made).toEqual([])
  })

  it.each([
    ['ACCESS_DENIED', 403],
    ['UNREACHABLE', 424],
  ] as const)('tells why it failed, and tries again later: %s', async (code, status) => {
    let now = 0
    const { made, createRepository } = counting(async () => {
      if (made.length === 1) throw new UserError(code, 'allow ecr:CreateRepository')
    })
    const repositories = createRepositories(() => now)
    const { sidecar, seen } = await start(rules, { createRepository, repositories })
    const answer = await post(sidecar)
    expect([answer.status, errorOf(answer).message]).toEqual([
      status,
      "team/app can't be created: allow ecr:CreateRepository",
    ])
    await post(sidecar)
    expect([made.length, seen.length]).toEqual([1, 0])
    now += 2000
    expect(await post(sidecar)).toMatchObject({ status: 201 })
    expect(made).toHaveLength(2)
  })

  it('looks again when the registry drops an upload, as it does for one that is absent', async () => {
    const { made, createRepository } = counting()
    let drops = 1
    const { sidecar } = await start(rules, { createRepository }, ({ socket }) => {
      if (drops-- > 0) socket.destroy()
    })
    expect(await post(sidecar)).toMatchObject({ status: 424 })
    expect(await post(sidecar)).toMatchObject({ status: 201 })
    expect(made).toHaveLength(2)
  })
})
