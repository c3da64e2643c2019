import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DescribeRepositoriesCommand, ListTagsForResourceCommand } from '@aws-sdk/client-ecr'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { digestOf } from '../emulator/content.ts'
import type { Emulator } from '../emulator/emulator.ts'
import { ecrClient, logInTo } from '../emulator/running.ts'
import { temporaryFolder } from '../support/folder.ts'
import { eventually } from '../support/user.ts'
import { startTrustedEmulator } from '../support/trust.ts'
import { ask, type Asking, NAME, type Running, startServe, startServing } from './running.ts'

let emulator: Emulator
let certificate: readonly string[]
beforeAll(async () => {
  emulator = await startTrustedEmulator()
  // As ECR does, it hands out no blob that no image refers to.
  Object.assign(emulator.settings, { onlyReferencedBlobs: true, bucketHost: '127.0.0.1' })
  const { certFile, keyFile } = emulator.certificate([NAME])
  certificate = ['--tls-cert', certFile, '--tls-key', keyFile]
})
afterAll(async () => {
  await emulator.close()
})
beforeEach(() => {
  emulator.calls.length = 0
})

const IMAGE = 'application/vnd.oci.image.manifest.v1+json'
const CONFIG = 'application/vnd.oci.image.config.v1+json'
const LAYER = 'application/vnd.oci.image.layer.v1.tar'

/** `serve --auth inject` by these rules, with an AWS and a store. */
async function start(
  rules: object,
  { args = ['--auth', 'inject'], mapping = {}, home = temporaryFolder() } = {},
) {
  const env = { ...emulator.env('keys'), HOME: home, PATH: process.env['PATH'] ?? '' }
  Object.entries(env).forEach(([name, value]) => vi.stubEnv(name, value))
  onTestFinished(() => void vi.unstubAllEnvs())
  const { host, port } = emulator.registry
  const config = {
    registries: { [NAME]: { registry: host, connect: `127.0.0.1:${port}`, ...mapping } },
    proxy: { push: rules, blobHosts: [`127.0.0.1:${emulator.bucket.port}`] },
  }
  const flags = [...certificate, '--blobs', 'stream', ...args]
  return await startServing(emulator, flags, { env, config })
}

type Sidecar = Running & { readonly port: number }
type Blob = { readonly mediaType: string; readonly bytes: string }

/** How clients upload a blob: what follows the POST. */
const UPLOADS = {
  docker: async (send: Send, url: string, { bytes }: Blob, digest: string) => {
    const chunked = { 'transfer-encoding': 'chunked' }
    await send(url, { method: 'PATCH', headers: chunked, body: bytes })
    await send(`${url}?digest=${digest}`, { method: 'PUT', headers: { 'content-length': '0' } })
  },
  containerd: async (send: Send, url: string, { bytes }: Blob, digest: string) => {
    const headers = { 'content-length': `${bytes.length}` }
    const digestInQuery = encodeURIComponent(digest)
    await send(`${url}?digest=${digestInQuery}`, { method: 'PUT', headers, body: bytes })
  },
  skopeo: async (send: Send, url: string, { bytes }: Blob, digest: string) => {
    const headers = { 'content-length': `${bytes.length}` }
    await send(url, { method: 'PATCH', headers, body: bytes })
    await send(`${url}?digest=${digest}`, { method: 'PUT', headers: { 'content-length': '0' } })
  },
}

type Send = (path: string, asking: Asking) => Promise<unknown>
type Style = keyof typeof UPLOADS

type Image = { readonly config: Blob; readonly layers: readonly Blob[] }

const image = (labels?: object, size = 0): Image => ({
  config: {
    mediaType: CONFIG,
    bytes: JSON.stringify({ config: { Labels: labels }, comment: 'x'.repeat(size) }),
  },
  layers: [{ mediaType: LAYER, bytes: `layer ${Math.random()}` }],
})

const descriptor = ({ mediaType, bytes }: Blob) => ({
  mediaType,
  digest: digestOf(Buffer.from(bytes)),
  size: bytes.length,
})

type Pushing = {
  readonly style?: Style
  readonly path?: string
  readonly tag?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Pushes an image as a client does; the answer to its manifest, or to what was refused before. */
async function push(sidecar: Sidecar, pushed: Image, pushing: Pushing = {}) {
  return (await upload(sidecar, pushed, pushing)) ?? (await putManifest(sidecar, pushed, pushing))
}

async function upload(
  { port }: Sidecar,
  { config, layers }: Image,
  { style = 'docker', path = '/v2/team/app', headers = {} }: Pushing = {},
) {
  const send: Send = async (target, { headers: more, ...asking }) => {
    const all = { ...headers, ...(more as object) }
    const { status } = await ask(port, target, { ...asking, headers: all })
    expect(status).toBe(201)
  }
  for (const blob of [...layers, config]) {
    const opened = await ask(port, `${path}/blobs/uploads/`, { method: 'POST', headers })
    if (opened.status !== 202) return opened
    const { pathname } = new URL(opened.headers.location!)
    await UPLOADS[style](send, pathname, blob, descriptor(blob).digest)
  }
  return undefined
}

async function putManifest(
  { port }: Sidecar,
  { config, layers }: Image,
  { path = '/v2/team/app', tag = 'v1', headers = {} }: Pushing = {},
) {
  const body = JSON.stringify({
    schemaVersion: 2,
    mediaType: IMAGE,
    config: descriptor(config),
    layers: layers.map(descriptor),
  })
  const own = { ...headers, 'content-type': IMAGE }
  return await ask(port, `${path}/manifests/${tag}`, { method: 'PUT', headers: own, body })
}

const messageOf = ({ text }: { readonly text: string }) =>
  (JSON.parse(text) as { errors: [{ message: string }] }).errors[0].message

describe('"requireLabels"', () => {
  const rules = { requireLabels: { source: 'https://*' } }

  it.each(Object.keys(UPLOADS) as Style[])('sees the labels of what %s pushes', async (style) => {
    const sidecar = await start(rules)
    const good = await push(sidecar, image({ source: 'https://a.example' }), { style })
    expect(good.status).toBe(201)
    const bad = await push(sidecar, image(), { style })
    expect([bad.status, messageOf(bad)]).toEqual([403, 'the label source is missing'])
    const other = await push(sidecar, image({ source: 'ftp://a.example' }), { style })
    expect(messageOf(other)).toBe('the label source is "ftp://a.example", and not https://*')
  })

  it('sees them with passthrough', async () => {
    const sidecar = await start(rules, { args: [] })
    const headers = { authorization: await logInTo(emulator) }
    expect(await push(sidecar, image(), { headers })).toMatchObject({ status: 403 })
    const good = image({ source: 'https://a.example' })
    expect(await push(sidecar, good, { headers })).toMatchObject({ status: 201 })
  })

  it('leaves it to ECR to refuse a stranger', async () => {
    const sidecar = await start(rules, { args: [] })
    const answer = await putManifest(sidecar, image({ source: 'https://x' }))
    expect(answer).toMatchObject({ status: 401, text: 'Not Authorized\n' })
    expect(answer.headers).toHaveProperty('www-authenticate')
  })

  it('sees those of a configuration that went up through another process', async () => {
    const home = temporaryFolder()
    const good = image({ source: 'https://a.example' })
    await upload(await start(rules, { home }), good)
    const other = await start(rules, { home })
    expect(await putManifest(other, good)).toMatchObject({ status: 201 })
  })

  it('asks ECR for what did not pass here, and says so where ECR does not tell', async () => {
    const open = await start({})
    const sidecar = await start(rules)
    const good = image({ source: 'https://a.example' })
    expect(await push(open, good)).toMatchObject({ status: 201 })
    expect(await putManifest(sidecar, good, { tag: 'v2' })).toMatchObject({ status: 201 })
    const unseen = image({ source: 'https://b.example' })
    await upload(open, unseen)
    const answer = await putManifest(sidecar, unseen)
    expect(answer.status).toBe(403)
    expect(messageOf(answer)).toMatch(
      /^labels are required, and those of the configuration sha256:\w+ can't be told: .* answered 404 for it; build the image anew/,
    )
  })

  it('keeps nothing of a configuration over 1 MiB', async () => {
    const sidecar = await start(rules)
    const huge = image({ source: 'https://a.example' }, 1024 * 1024)
    expect(messageOf(await push(sidecar, huge))).toMatch(/can't be told/)
  })

  it('asks none of charts and signatures, which have no labels', async () => {
    const sidecar = await start(rules)
    const chart: Image = {
      config: { mediaType: 'application/vnd.cncf.helm.config.v1+json', bytes: '{}' },
      layers: [{ mediaType: 'application/vnd.cncf.helm.chart.content.v1.tar+gzip', bytes: 'c' }],
    }
    const attestation: Image = {
      config: { mediaType: CONFIG, bytes: '{"architecture":"unknown"}' },
      layers: [{ mediaType: 'application/vnd.in-toto+json', bytes: '{"_type":"s"}' }],
    }
    expect(await push(sidecar, chart)).toMatchObject({ status: 201 })
    expect(await push(sidecar, attestation)).toMatchObject({ status: 201 })
  })
})

describe('"createRepository"', () => {
  const settings = {
    tags: { team: 'a', cost: '7' },
    scanOnPush: true,
    imageTagMutability: 'IMMUTABLE',
    kmsKey: 'alias/images',
  }
  const callsOf = (operation: string) =>
    emulator.calls.filter((call) => call.operation === operation).length

  it('creates what a push meets absent, as it is told to', async () => {
    const sidecar = await start({ createRepository: settings }, { mapping: { prefix: 'new/' } })
    expect(await push(sidecar, image(), { path: '/v2/app' })).toMatchObject({ status: 201 })
    const ecr = ecrClient(emulator)
    const { repositories = [] } = await ecr.send(
      new DescribeRepositoriesCommand({ repositoryNames: ['new/app'] }),
    )
    expect(repositories).toMatchObject([
      {
        imageTagMutability: 'IMMUTABLE',
        imageScanningConfiguration: { scanOnPush: true },
        encryptionConfiguration: { encryptionType: 'KMS', kmsKey: 'alias/images' },
      },
    ])
    const { repositoryArn: resourceArn } = repositories[0]!
    const { tags } = await ecr.send(new ListTagsForResourceCommand({ resourceArn }))
    expect(tags).toEqual([
      { Key: 'team', Value: 'a' },
      { Key: 'cost', Value: '7' },
    ])
    expect(sidecar.events).toContainEqual(
      expect.objectContaining({ message: 'a repository was created', repository: 'new/app' }),
    )
  })

  it('asks AWS once for twenty uploads, and gives way to another that creates it', async () => {
    const sidecars = [
      await start({ createRepository: true }),
      await start({ createRepository: true }),
    ]
    const uploads = Array.from({ length: 40 }, (_, index) =>
      ask(sidecars[index % 2]!.port, '/v2/raced/app/blobs/uploads/', { method: 'POST' }),
    )
    const answers = await Promise.all(uploads)
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202))
    expect(callsOf('DescribeRepositories')).toBe(2)
    expect(callsOf('CreateRepository')).toBeLessThanOrEqual(2)
  })

  it('needs no right to create where the repository is there, and says which where not', async () => {
    const [key] = Object.values(emulator.settings.keys)
    Object.assign(key!, { deny: ['ecr:CreateRepository'] })
    onTestFinished(() => void Object.assign(key!, { deny: [] }))
    const sidecar = await start({ createRepository: true })
    expect(await push(sidecar, image())).toMatchObject({ status: 201 })
    const answer = await push(sidecar, image(), { path: '/v2/denied/app' })
    expect(answer.status).toBe(403)
    expect(messageOf(answer)).toMatch(
      /^denied\/app can't be created: .*: arn:aws:iam::123456789012:user\/developer may not call ecr:CreateRepository; allow ecr:CreateRepository/,
    )
  })

  it('may be taken back for one name', async () => {
    const mapping = { push: { createRepository: false } }
    const sidecar = await start({ createRepository: true, tags: ['v*'] }, { mapping })
    expect(await push(sidecar, image(), { path: '/v2/absent' })).toMatchObject({ status: 424 })
    expect(await push(sidecar, image(), { tag: 'main' })).toMatchObject({ status: 403 })
    expect(callsOf('CreateRepository')).toBe(0)
  })
})

describe('"hook"', () => {
  it('is a program that is told of the push, and whose words the client gets', async () => {
    const { file, folder } = script('cat >"$1/question"; echo "no $(basename "$0")"; exit 1')
    const sidecar = await start({ hook: [file, folder] })
    const answer = await push(sidecar, image())
    expect([answer.status, messageOf(answer)]).toEqual([403, 'no check'])
    const question = JSON.parse(readFileSync(join(folder, 'question'), 'utf8')) as object
    expect(question).toMatchObject({ name: NAME, repository: 'team/app', reference: 'v1' })
    await eventually(() => JSON.stringify(sidecar.events).includes('no check'))
  })

  it('that is missing refuses pushes, is told of at the start, and holds up no pull', async () => {
    const sidecar = await start({ hook: ['/nowhere/check'] })
    expect(await push(sidecar, image())).toMatchObject({ status: 403 })
    expect(await ask(sidecar.port, '/v2/')).toMatchObject({ status: 200 })
    expect(sidecar.events).toContainEqual(
      expect.objectContaining({
        level: 'error',
        message: 'pushes are refused until their hook can be run',
        name: NAME,
        error: "/nowhere/check: can't be run (ENOENT); name a program that this user may run",
      }),
    )
  })

  it('holds up no other request while it runs', async () => {
    const { file, folder } = script(
      'touch "$1/begun"; while [ ! -e "$1/go" ]; do sleep 0.05; done; echo on we go >&2',
    )
    const sidecar = await start({ hook: [file, folder], hookTimeout: 60 })
    const pushing = push(sidecar, image())
    await eventually(() => existsSync(join(folder, 'begun')))
    expect(await ask(sidecar.port, '/v2/')).toMatchObject({ status: 200 })
    writeFileSync(join(folder, 'go'), '')
    expect(await pushing).toMatchObject({ status: 201 })
    expect(sidecar.events).toContainEqual(
      expect.objectContaining({ message: 'a hook wrote to stderr', stderr: 'on we go' }),
    )
  })
})

describe('ecr-cname serve', () => {
  it.each([
    [
      { createRepository: true },
      /^"createRepository" of "push" for docker\.company\.test: with pa/,
    ],
    [{ tags: ['a b'] }, /config\.json: proxy\.push\.tags\[0\]: expected a pattern such as "v\*"/],
    [{ maxSize: 'big' }, /proxy\.push\.maxSize: expected a number of bytes, or a size such as/],
    [{ hook: ['check'] }, /proxy\.push\.hook: expected a program by its absolute path/],
    [{ hookTimeout: 301 }, /proxy\.push\.hookTimeout: expected a number of seconds above 0 and up/],
    [{ immutable: [] }, /proxy\.push\.immutable: unknown key, expected repositories, tags, imm/],
    [{ createRepository: { kms: 'x' } }, /createRepository\.kms: unknown key, expected tags, scan/],
  ])('does not start with the rules %j', async (rules, message) => {
    const { registry } = emulator
    const registries = { [NAME]: { registry: registry.host } }
    const config = { registries, proxy: { push: rules } }
    const args = [...certificate, '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0']
    await expect(startServe(emulator, args, { config }).exitCode).rejects.toThrow(message)
  })
})

function script(text: string) {
  const folder = temporaryFolder()
  const file = join(folder, 'check')
  writeFileSync(file, `#!/bin/sh\n${text}\n`, { mode: 0o700 })
  return { file, folder }
}
