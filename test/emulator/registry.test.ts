import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { connect } from 'node:tls'

import { describe, expect, it, onTestFinished } from 'vitest'

import { temporaryFolder } from '../support/folder.ts'
import { digestOf } from './content.ts'
import type { Emulator, EmulatorOptions } from './emulator.ts'
import { type Answer, createSend, pushBlob, pushImage, type Send } from './registry-client.ts'
import { logInTo, runEmulator } from './running.ts'

type Registry = {
  readonly emulator: Emulator
  readonly authorization: string
  readonly send: Send
  /** Sends with the token, to a path of the registry. */
  readonly ask: (method: string, path: string, ask?: Parameters<Send>[2]) => Promise<Answer>
  readonly url: string
}

const ECR = '123456789012.dkr.ecr.us-east-1.amazonaws.com'
const LAYER = Buffer.from('a layer')

const runRegistry = async (options?: EmulatorOptions): Promise<Registry> => {
  const emulator = await runEmulator(options)
  await emulator.createRepository('team/app')
  const authorization = await logInTo(emulator)
  const send = createSend(emulator)
  return {
    emulator,
    authorization,
    send,
    ask: (method, path, { headers, ...rest } = {}) =>
      send(method, `https://${ECR}${path}`, { headers: { authorization, ...headers }, ...rest }),
    url: `https://${ECR}/v2/team/app`,
  }
}

const push = ({ send, authorization, url }: Registry, tag: string, layer = LAYER) =>
  pushImage(send, authorization, url, { tag, layer })

const errorOf = ({ status, body }: Answer) => {
  const { errors } = JSON.parse(body.toString()) as { errors: { code: string; message: string }[] }
  return [status, errors[0]?.code, errors[0]?.message]
}

const startUpload = async ({ ask }: Registry) => {
  const { headers } = await ask('POST', '/v2/team/app/blobs/uploads/')
  return new URL(headers.location ?? '').pathname
}

describe('the door of a registry', () => {
  it.each(['/v2/', '/', '/v2/team/app/tags/list'])(
    'answers %s with a text and a challenge to who has no credentials',
    async (path) => {
      const { send } = await runRegistry()
      const { status, headers, body } = await send('GET', `https://${ECR}${path}`)
      expect([status, body.toString()]).toEqual([401, 'Not Authorized\n'])
      expect(headers).toMatchObject({
        'content-type': 'text/plain; charset=utf-8',
        'content-length': '15',
        'docker-distribution-api-version': 'registry/2.0',
        sizes: '',
        'www-authenticate': `Basic realm="https://${ECR}/",service="ecr.amazonaws.com"`,
      })
    },
  )

  it('lets a token in, and tells the log who that is', async () => {
    const { ask, emulator } = await runRegistry()
    expect((await ask('GET', '/v2/')).status).toBe(200)
    expect(emulator.calls.at(-1)).toMatchObject({
      service: 'registry',
      operation: 'CheckVersion',
      principal: 'arn:aws:iam::123456789012:user/developer',
      status: 200,
    })
  })

  it('offers nothing but Basic', async () => {
    const { ask } = await runRegistry()
    const { status } = await ask('GET', '/v2/', { headers: { authorization: 'Bearer x' } })
    expect(status).toBe(401)
  })

  it('refuses garbage and the token of another region with 400', async () => {
    const { ask, send, authorization } = await runRegistry()
    const garbage = { authorization: `Basic ${btoa('AWS:garbage')}` }
    expect((await ask('GET', '/v2/', { headers: garbage })).status).toBe(400)
    const elsewhere = 'https://123456789012.dkr.ecr.us-west-2.amazonaws.com/v2/'
    expect((await send('GET', elsewhere, { headers: { authorization } })).status).toBe(400)
  })

  it('refuses an expired token with 403, JSON and no challenge', async () => {
    const { ask, emulator } = await runRegistry()
    emulator.settings.clockOffsetMs = 12 * 3600_000
    const answer = await ask('GET', '/v2/')
    expect(errorOf(answer)).toEqual([
      403,
      'DENIED',
      'Your authorization token has expired. Reauthenticate and try again.',
    ])
    expect(answer.headers['www-authenticate']).toBeUndefined()
  })

  it('checks the token before the Host', async () => {
    const { ask, send } = await runRegistry()
    const wrong = { host: 'docker.company.test' }
    expect((await send('GET', `https://${ECR}/v2/`, { headers: wrong })).status).toBe(401)
    expect(errorOf(await ask('GET', '/v2/', { headers: wrong }))).toEqual([
      403,
      'DENIED',
      'Could not resolve registry id from host docker.company.test',
    ])
  })

  it.each([
    '123456789012.dkr.ecr-fips.us-east-1.amazonaws.com',
    '123456789012.dkr-ecr.us-east-1.on.aws',
  ])('is the same one under %s', async (host) => {
    const registry = await runRegistry()
    await push(registry, '1')
    const { send, authorization } = registry
    const url = `https://${host}/v2/team/app/tags/list`
    const { body } = await send('GET', url, { headers: { authorization } })
    expect(JSON.parse(body.toString())).toEqual({ name: 'team/app', tags: ['1'] })
  })

  it('shows nobody else’s certificate: a name that is not ECR’s gets the wildcard', async () => {
    const { send } = await runRegistry()
    await expect(send('GET', 'https://docker.company.test/v2/')).rejects.toThrow(
      'is not in the cert',
    )
  })

  it('shakes no hands with who sends no server name', async () => {
    const { emulator } = await runRegistry()
    const ca = readFileSync(emulator.caFile)
    const socket = connect({ port: emulator.registry.port, host: '127.0.0.1', ca })
    await expect(once(socket, 'secureConnect')).rejects.toThrow('handshake failure')
  })

  it('denies what the policy denies, in the words of AWS', async () => {
    const registry = await runRegistry()
    const [[id, key]] = Object.entries(registry.emulator.settings.keys) as [[string, never]]
    registry.emulator.settings.keys[id] = { ...(key as object), deny: ['ecr:PutImage'] } as never
    const [status, code, message] = errorOf((await push(registry, '1')).answer)
    expect([status, code]).toEqual([403, 'DENIED'])
    expect(message).toContain(
      'is not authorized to perform: ecr:PutImage on resource: arn:aws:ecr:us-east-1:123456789012:repository/team/app',
    )
  })
})

describe('manifests', () => {
  it('tell their digest on HEAD and on PUT, but not on GET, and PUT has no Location', async () => {
    const registry = await runRegistry()
    const { answer, digest } = await push(registry, '1')
    expect([answer.status, answer.headers.location]).toEqual([201, undefined])
    expect(answer.headers['docker-content-digest']).toBe(digest)
    const head = await registry.ask('HEAD', '/v2/team/app/manifests/1')
    const get = await registry.ask('GET', '/v2/team/app/manifests/1')
    expect(head.headers['docker-content-digest']).toBe(digest)
    expect(head.headers['content-length']).toBe(String(get.body.length))
    expect(get.headers['docker-content-digest']).toBeUndefined()
    expect(digestOf(get.body)).toBe(digest)
  })

  it('are unknown with 404, as are those of an absent repository', async () => {
    const { ask } = await runRegistry()
    expect(errorOf(await ask('GET', '/v2/team/app/manifests/2'))).toEqual([
      404,
      'MANIFEST_UNKNOWN',
      'Requested image not found',
    ])
    expect(errorOf(await ask('GET', '/v2/no/such/manifests/2'))).toEqual([
      404,
      'NAME_UNKNOWN',
      "The repository with name 'no/such' does not exist in the registry with id '123456789012'",
    ])
  })

  it('are refused with 405 when they are none', async () => {
    const { ask } = await runRegistry()
    expect(errorOf(await ask('PUT', '/v2/team/app/manifests/1', { body: 'x' }))).toEqual([
      405,
      'UNSUPPORTED',
      "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'",
    ])
  })

  it('do not replace an immutable tag', async () => {
    const registry = await runRegistry()
    await registry.emulator.createRepository('fixed', { immutable: true })
    const fixed = { ...registry, url: `https://${ECR}/v2/fixed` }
    await push(fixed, '1')
    expect(errorOf((await push(fixed, '1', Buffer.from('another'))).answer)).toEqual([
      400,
      'TAG_INVALID',
      "The image tag '1' already exists in the 'fixed' repository and cannot be overwritten because the tag is immutable.",
    ])
  })

  it('are found by their subject', async () => {
    const registry = await runRegistry()
    const { digest } = await push(registry, '1')
    const type = 'application/vnd.oci.image.manifest.v1+json'
    const subject = { mediaType: type, digest, size: 1 }
    const body = JSON.stringify({ schemaVersion: 2, artifactType: 'sbom', layers: [], subject })
    const headers = { 'content-type': type }
    const put = await registry.ask('PUT', '/v2/team/app/manifests/sbom', { headers, body })
    expect(put.headers['oci-subject']).toBe(digest)
    const found = await registry.ask('GET', `/v2/team/app/referrers/${digest}`)
    const { manifests } = JSON.parse(found.body.toString()) as { manifests: unknown[] }
    expect(manifests).toMatchObject([{ artifactType: 'sbom', digest: digestOf(Buffer.from(body)) }])
  })

  it('are deleted only if the settings say that ECR can', async () => {
    const registry = await runRegistry()
    const { digest } = await push(registry, '1')
    const path = `/v2/team/app/manifests/${digest}`
    const refused = await registry.ask('DELETE', path)
    expect([refused.status, refused.body.toString()]).toEqual([404, '404 page not found\n'])
    registry.emulator.settings.deletes = true
    expect((await registry.ask('DELETE', path)).status).toBe(202)
    expect((await registry.ask('HEAD', '/v2/team/app/manifests/1')).status).toBe(404)
  })
})

describe('uploads', () => {
  it('take one stream of unknown length, with 201 and a Range', async () => {
    const registry = await runRegistry()
    const opened = await registry.ask('POST', '/v2/team/app/blobs/uploads/')
    expect(opened.status).toBe(202)
    expect(opened.headers['docker-upload-uuid']).toBeUndefined()
    const { location = '' } = opened.headers
    expect(location).toMatch(
      /^https:\/\/123456789012\.dkr\.ecr\.us-east-1\.amazonaws\.com\/v2\/team\/app\/blobs\/uploads\/[0-9a-f-]{36}$/,
    )
    const path = new URL(location).pathname
    const headers = { 'transfer-encoding': 'chunked' }
    const patched = await registry.ask('PATCH', path, { headers, body: LAYER })
    expect(patched).toMatchObject({ status: 201, headers: { location, range: '0-6' } })
    const digest = digestOf(LAYER)
    const finished = await registry.ask('PUT', `${path}?digest=${digest}`)
    expect([finished.status, finished.headers['docker-content-digest']]).toEqual([201, digest])
    const head = await registry.ask('HEAD', `/v2/team/app/blobs/${digest}`)
    expect(head).toMatchObject({ status: 200, headers: { 'content-length': '7' } })
  })

  it('take all of it in the last request', async () => {
    const { send, authorization, url } = await runRegistry()
    expect((await pushBlob(send, authorization, url, LAYER)).status).toBe(201)
  })

  it('drop the connection when the repository is absent', async () => {
    const { ask, emulator } = await runRegistry()
    await expect(ask('POST', '/v2/no/such/blobs/uploads/')).rejects.toThrow('socket hang up')
    expect(emulator.calls.at(-1)).not.toHaveProperty('status')
  })

  it('keep telling the end of the first part', async () => {
    const registry = await runRegistry({ settings: { minPartBytes: 4 } })
    const path = await startUpload(registry)
    await registry.ask('PATCH', path, { body: '1234', headers: { 'content-range': '0-3' } })
    const second = { body: '5678', headers: { 'content-range': '4-7' } }
    expect((await registry.ask('PATCH', path, second)).headers.range).toBe('0-3')
    const digest = digestOf(Buffer.from('12345678'))
    expect((await registry.ask('PUT', `${path}?digest=${digest}`)).status).toBe(201)
  })

  it('refuse a part that does not follow the last one', async () => {
    const registry = await runRegistry()
    const path = await startUpload(registry)
    await registry.ask('PATCH', path, { body: '1234' })
    const again = { body: '1234', headers: { 'content-range': '0-3' } }
    expect(errorOf(await registry.ask('PATCH', path, again))).toEqual([
      416,
      'BLOB_UPLOAD_INVALID',
      'First byte of the layer part is 0 instead of 4',
    ])
  })

  it('refuse small parts that are not the last', async () => {
    const registry = await runRegistry()
    const path = await startUpload(registry)
    await registry.ask('PATCH', path, { body: '1234' })
    const digest = digestOf(Buffer.from('12345'))
    const [, , message] = errorOf(
      await registry.ask('PUT', `${path}?digest=${digest}`, { body: '5' }),
    )
    expect(message).toBe('All layer parts except the last part should be at least 5MB')
  })

  it('refuse what does not have the digest', async () => {
    const registry = await runRegistry()
    const path = await startUpload(registry)
    const wrong = digestOf(Buffer.from('something else'))
    expect(errorOf(await registry.ask('PUT', `${path}?digest=${wrong}`, { body: LAYER }))).toEqual([
      400,
      'BLOB_UPLOAD_INVALID',
      'None of the provided layer digests match the calculated layer digest',
    ])
    expect((await registry.ask('HEAD', `/v2/team/app/blobs/${wrong}`)).status).toBe(404)
  })

  it('mount a blob of another repository only if the account has that on', async () => {
    const registry = await runRegistry()
    const { layerDigest } = await push(registry, '1')
    await registry.emulator.createRepository('other')
    const path = `/v2/other/blobs/uploads/?mount=${layerDigest}&from=team/app`
    expect((await registry.ask('POST', path)).status).toBe(202)
    registry.emulator.settings.blobMounting = true
    expect((await registry.ask('POST', path)).status).toBe(201)
    expect((await registry.ask('HEAD', `/v2/other/blobs/${layerDigest}`)).status).toBe(200)
  })

  it('answer GET with 404', async () => {
    const registry = await runRegistry()
    expect((await registry.ask('GET', await startUpload(registry))).status).toBe(404)
  })
})

describe('lists', () => {
  it('are text, a hundred at a time, with an absolute Link', async () => {
    const registry = await runRegistry({ settings: { pageSize: 2 } })
    for (const tag of ['1', '2', '3']) await push(registry, tag)
    const first = await registry.ask('GET', '/v2/team/app/tags/list')
    const [, next = ''] = /^<(.*)>; rel="next"$/.exec(String(first.headers['link'])) ?? []
    expect(first.headers['content-type']).toBe('text/plain; charset=utf-8')
    expect(next).toMatch(`https://${ECR}/v2/team/app/tags/list?last=`)
    const { pathname, search } = new URL(next)
    const second = await registry.ask('GET', pathname + search)
    expect(second.headers['link']).toBeUndefined()
    const tags = [first, second].flatMap(
      ({ body }) => (JSON.parse(body.toString()) as { tags: string[] }).tags,
    )
    expect(tags.sort()).toEqual(['1', '2', '3'])
  })

  it('are refused by more than a thousand at a time', async () => {
    const { ask } = await runRegistry()
    expect(errorOf(await ask('GET', '/v2/team/app/tags/list?n=1001')).slice(1)).toEqual([
      'UNSUPPORTED',
      "Invalid parameter at 'maxResults' failed to satisfy constraint: 'Member must have value less than or equal to 1000'",
    ])
  })

  it('name the repositories of this registry alone', async () => {
    const { ask, emulator } = await runRegistry()
    await emulator.createRepository('elsewhere', { region: 'eu-west-1' })
    const { body } = await ask('GET', '/v2/_catalog')
    expect(JSON.parse(body.toString())).toEqual({ repositories: ['team/app'] })
  })
})

describe('the gallery', () => {
  it('gives anybody a Bearer to read with, and takes neither Basic nor garbage', async () => {
    const { send, emulator, authorization } = await runRegistry()
    await emulator.createRepository('alias/app', { account: 'public', region: 'us-east-1' })
    const url = 'https://public.ecr.aws'
    const asked = await send('GET', `${url}/v2/`)
    expect([asked.status, asked.headers['www-authenticate']]).toEqual([
      401,
      'Bearer realm="https://public.ecr.aws/token/",service="public.ecr.aws",scope="aws"',
    ])
    const { body } = await send('GET', `${url}/token/?service=public.ecr.aws&scope=aws`)
    const bearer = `Bearer ${(JSON.parse(body.toString()) as { token: string }).token}`
    const tags = (value: string) =>
      send('GET', `${url}/v2/alias/app/tags/list`, { headers: { authorization: value } })
    expect((await tags(bearer)).status).toBe(200)
    for (const wrong of ['Bearer x', authorization]) {
      expect(errorOf(await tags(wrong))).toEqual([
        400,
        'DENIED',
        'Your Authorization Token is invalid.',
      ])
    }
  })
})

describe('the content', () => {
  it('outlives the emulator in a folder that was given, and so do tokens', async () => {
    const folder = temporaryFolder()
    const before = await runRegistry({ folder })
    const { digest } = await push(before, '1')
    await before.emulator.close()
    const after = await runEmulator({ folder })
    const headers = { authorization: before.authorization }
    const url = `https://${ECR}/v2/team/app/manifests/1`
    const found = await createSend(after)('HEAD', url, { headers })
    expect(found.headers['docker-content-digest']).toBe(digest)
  })
})

describe('a setting', () => {
  it('puts the port of the emulator into Location', async () => {
    const { ask, emulator } = await runRegistry({ settings: { locationPort: true } })
    const { headers } = await ask('POST', '/v2/team/app/blobs/uploads/')
    expect(headers.location).toMatch(`https://${ECR}:${emulator.registry.port}/v2/`)
  })

  it('says whether a Host may carry the port', async () => {
    const { ask, emulator } = await runRegistry()
    const headers = { host: `${ECR}:443` }
    expect((await ask('GET', '/v2/', { headers })).status).toBe(200)
    emulator.settings.hostPort = false
    expect((await ask('GET', '/v2/', { headers })).status).toBe(403)
  })

  it('says whether X-Forwarded-Host is believed', async () => {
    const { ask, emulator } = await runRegistry()
    const headers = { 'x-forwarded-host': 'docker.company.test' }
    const start = () => ask('POST', '/v2/team/app/blobs/uploads/', { headers })
    expect((await start()).headers.location).toMatch(`https://${ECR}/`)
    emulator.settings.readsForwarded = true
    expect((await start()).headers.location).toMatch('https://docker.company.test/')
  })

  it('says what the first answer of an upload has as Range', async () => {
    const { ask, emulator } = await runRegistry()
    const start = () => ask('POST', '/v2/team/app/blobs/uploads/')
    expect((await start()).headers.range).toBe('0-0')
    emulator.settings.openRange = ''
    expect((await start()).headers.range).toBeUndefined()
  })

  it('keeps the layers back that no image refers to', async () => {
    const { ask, send, authorization, url } = await runRegistry({
      settings: { onlyReferencedBlobs: true },
    })
    await pushBlob(send, authorization, url, LAYER)
    const path = `/v2/team/app/blobs/${digestOf(LAYER)}`
    expect((await ask('GET', path)).status).toBe(404)
    await pushImage(send, authorization, url, { tag: '1', layer: LAYER })
    expect((await ask('GET', path)).status).toBe(307)
  })

  it('hands one platform to who does not accept an index', async () => {
    const registry = await runRegistry({ settings: { downgradesIndex: true } })
    const { digest } = await push(registry, '1')
    const type = 'application/vnd.oci.image.index.v1+json'
    const platform = { os: 'linux', architecture: 'amd64' }
    const body = JSON.stringify({ schemaVersion: 2, manifests: [{ digest, platform }] })
    const headers = { 'content-type': type }
    await registry.ask('PUT', '/v2/team/app/manifests/all', { headers, body })
    const head = async (accept: string) =>
      (await registry.ask('HEAD', '/v2/team/app/manifests/all', { headers: { accept } })).headers
    expect((await head(type))['content-type']).toBe(type)
    const single = await head('application/vnd.oci.image.manifest.v1+json')
    expect(single['docker-content-digest']).toBe(digest)
  })

  it('offers HTTP/2', async () => {
    const { emulator, authorization } = await runRegistry({ settings: { http2: true } })
    const { port } = emulator.registry
    const session = connectHttp2(`https://${ECR}`, {
      createConnection: () =>
        connect({
          host: '127.0.0.1',
          port,
          servername: ECR,
          ALPNProtocols: ['h2'],
          ca: readFileSync(emulator.caFile),
        }),
    })
    onTestFinished(() => session.destroy())
    const stream = session.request({ ':path': '/v2/', authorization })
    const [headers] = (await once(stream, 'response')) as [{ ':status': number }]
    expect(headers[':status']).toBe(200)
  })
})
