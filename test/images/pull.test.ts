import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { pid } from 'node:process'
import { describe, expect, it } from 'vitest'
import { parseReference } from '../../src/domain/reference.ts'
import { openCache } from '../../src/images/cache.ts'
import { digestOf } from '../../src/images/digest.ts'
import { TYPES } from '../../src/images/manifest.ts'
import { formatPlatform, parsePlatform } from '../../src/images/platform.ts'
import type { ProgressEvent } from '../../src/images/progress.ts'
import { pullImage } from '../../src/images/pull.ts'
import { temporaryFolder } from '../support/folder.ts'
import { becomeNobody } from '../support/nobody.ts'
import { readArchive } from './archive.ts'
import { blobGets, newCache, order, rangesOf } from './pulls.ts'
import {
  CNAME,
  ECR,
  IMAGE,
  type Made,
  makeLayer,
  pushImage,
  pushIndex,
  type Registry,
  startRegistry,
  REPOSITORY,
} from './registry.ts'

/** All that stands beside a path, and it. */
function beside(path: string): string[] {
  return readdirSync(join(path, '..'))
}

describe('pull', () => {
  it('writes an archive for docker that is an OCI layout, too', async () => {
    const registry = await startRegistry()
    const image = await pushImage(registry, '1')
    const options = order(registry)
    expect(await pullImage(options)).toMatchObject({
      digest: image.digest,
      platform: 'linux/amd64',
      layers: 2,
    })
    const files = await readArchive(options.path)
    const [entry] = JSON.parse(String(files.get('manifest.json'))) as Record<string, unknown>[]
    expect(entry?.['RepoTags']).toEqual([`${IMAGE}:1`])
    const layers = entry?.['Layers'] as string[]
    expect(layers.map((name) => files.get(name))).toEqual(image.layers.map(({ bytes }) => bytes))
    expect(files.get(entry?.['Config'] as string)).toEqual(image.config)
    expect(JSON.parse(String(files.get('index.json')))).toMatchObject({
      manifests: [{ digest: image.digest }],
    })
    expect(beside(options.path)).toEqual(['app.tar'])
  })

  it('has ECR’s own name in it where the one asked for is an IPv6 address, which engines refuse', async () => {
    const registry = await startRegistry()
    await pushImage(registry, '1')
    const site = { ...registry.site, name: { host: '[::1]', port: 5000 }, prefix: 'team/' }
    const client = registry.client({ site })
    const given = order(registry, { client, reference: parseReference('[::1]:5000/app:1') })
    await pullImage(given)
    const files = await readArchive(given.path)
    const name = `${ECR}/team/app:1`
    expect(JSON.parse(String(files.get('manifest.json')))).toMatchObject([{ RepoTags: [name] }])
    expect(JSON.parse(String(files.get('index.json')))).toMatchObject({
      manifests: [{ annotations: { 'io.containerd.image.name': name } }],
    })
  })

  it('asks ECR itself through the name: SNI and Host are the registry’s', async () => {
    const registry = await startRegistry()
    await pushImage(registry, '1')
    registry.emulator.calls.length = 0
    await pullImage(order(registry))
    const calls = registry.emulator.calls.filter(({ service }) => service === 'registry')
    expect(new Set(calls.map(({ headers }) => headers['host']))).toEqual(
      new Set([registry.emulator.registry.host]),
    )
    const layers = registry.emulator.calls.filter(({ service }) => service === 'bucket')
    expect(layers.map(({ headers }) => headers['authorization'])).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })

  it('writes a folder, and adds a second image to it', async () => {
    const registry = await startRegistry()
    const [one, two] = [await pushImage(registry, '1'), await pushImage(registry, '2')]
    const options = order(registry, { format: 'oci' })
    await pullImage(options)
    await pullImage({ ...options, reference: parseReference(`${IMAGE}:2`) })
    const index = JSON.parse(readFileSync(join(options.path, 'index.json'), 'utf8')) as unknown
    expect(index).toMatchObject({ manifests: [{ digest: one.digest }, { digest: two.digest }] })
    expect(readdirSync(join(options.path, 'blobs/sha256'))).toHaveLength(8)
    expect(beside(options.path)).toEqual(['app.tar'])
  })

  it.each([
    ['linux/amd64', 0],
    ['linux/arm64', 1],
    ['linux/arm64/v8', 1],
  ])('takes %s out of an index', async (text, which) => {
    const registry = await startRegistry()
    const images = [
      await pushImage(registry, undefined),
      await pushImage(registry, undefined, {
        platform: { os: 'linux', architecture: 'arm64', variant: 'v8' },
      }),
    ]
    await pushIndex(
      registry,
      '1',
      images.map(({ descriptor }) => descriptor),
    )
    const [os = '', architecture = '', variant] = text.split('/')
    const platform = { os, architecture, ...(variant && { variant }) }
    const { digest } = await pullImage(order(registry, { platform }))
    expect(digest).toBe(images[which]?.digest)
  })

  it('names the platforms that there are, where it has not the one', async () => {
    const registry = await startRegistry()
    const image = await pushImage(registry, undefined)
    await pushIndex(registry, '1', [image.descriptor])
    const platform = { os: 'linux', architecture: 's390x' }
    await expect(pullImage(order(registry, { platform }))).rejects.toThrow(
      /no image for linux\/s390x; choose with --platform: linux\/amd64$/,
    )
  })

  it('takes of several variants the plain one, where none is told', async () => {
    const registry = await startRegistry()
    const variants = ['v3', undefined, 'v6', 'v7']
    const found: Made[] = []
    for (const variant of variants) {
      const architecture = found.length < 2 ? 'amd64' : 'arm'
      const platform = { os: 'linux', architecture, ...(variant && { variant }) }
      found.push(await pushImage(registry, undefined, { platform }))
    }
    await pushIndex(
      registry,
      '1',
      found.map(({ descriptor }) => descriptor),
    )
    const taken = async (text: string) => {
      const { digest } = await pullImage(order(registry, { platform: parsePlatform(text) }))
      return variants[found.findIndex((one) => one.digest === digest)]
    }
    expect(await taken('linux/amd64')).toBe(undefined)
    expect(await taken('linux/amd64/v1')).toBe(undefined)
    expect(await taken('linux/amd64/v3')).toBe('v3')
    expect(await taken('linux/arm')).toBe('v7')
  })

  it('knows the other names of systems and architectures that engines know', () => {
    const pairs = [
      ['linux/x86_64', 'linux/amd64'],
      ['Linux/x86-64/v3', 'linux/amd64/v3'],
      ['linux/aarch64', 'linux/arm64'],
      ['linux/armhf', 'linux/arm/v7'],
      ['linux/armel', 'linux/arm/v6'],
      ['linux/arm/7', 'linux/arm/v7'],
      ['linux/i386', 'linux/386'],
      ['macos/arm64', 'darwin/arm64'],
    ] as const
    for (const [other, own] of pairs) expect(formatPlatform(parsePlatform(other))).toBe(own)
  })

  it('takes an image whose configuration has such a name', async () => {
    const registry = await startRegistry()
    const told = { os: 'linux', architecture: 'aarch64' }
    const { digest } = await pushImage(registry, '1', { platform: told })
    const platform = parsePlatform('linux/arm64')
    expect(await pullImage(order(registry, { platform }))).toMatchObject({ digest })
  })

  it('believes an index more than a configuration', async () => {
    const registry = await startRegistry()
    const { descriptor, digest } = await pushImage(registry, undefined)
    const platform = { os: 'linux', architecture: 'arm', variant: 'v6' }
    await pushIndex(registry, '1', [{ ...descriptor, platform }])
    expect(await pullImage(order(registry, { platform }))).toMatchObject({ digest })
  })

  it('takes all platforms, and the index as it is', async () => {
    const registry = await startRegistry()
    const one = await pushImage(registry, undefined)
    const two = await pushImage(registry, undefined, {
      platform: { os: 'linux', architecture: 'arm64' },
    })
    const index = await pushIndex(registry, '1', [one.descriptor, two.descriptor])
    const options = order(registry, { format: 'oci-archive', platform: 'all' })
    const { digest } = await pullImage(options)
    const files = await readArchive(options.path)
    expect(files.get(`blobs/sha256/${digest.slice(7)}`)).toEqual(index)
    expect([...files.keys()].filter((name) => name.startsWith('blobs/'))).toHaveLength(9)
  })

  it('unpacks zstd for docker, and leaves it as it is for OCI', async () => {
    const registry = await startRegistry()
    const layers = [makeLayer(5000, 'zstd'), makeLayer(100, 'gzip')]
    await pushImage(registry, '1', { layers })
    const options = order(registry)
    await pullImage(options)
    const files = await readArchive(options.path)
    const [entry] = JSON.parse(String(files.get('manifest.json'))) as { Layers: string[] }[]
    const [unpacked = ''] = entry?.Layers ?? []
    expect(files.get(unpacked)?.length).toBe(5120 + 512 + 1024)
    expect(files.has('index.json')).toBe(false)
    expect(beside(options.path)).toEqual(['app.tar'])
    const oci = order(registry, { format: 'oci-archive' })
    await pullImage(oci)
    expect((await readArchive(oci.path)).get(unpacked)).toEqual(layers[0]?.bytes)
  })

  it('takes artifacts as OCI, and says why not for docker', async () => {
    const registry = await startRegistry()
    const alter = (manifest: Record<string, unknown>) => ({
      ...manifest,
      config: {
        ...(manifest['config'] as object),
        mediaType: 'application/vnd.cncf.helm.config.v1+json',
      },
    })
    const { digest } = await pushImage(registry, '1', { alter })
    await expect(pullImage(order(registry))).rejects.toThrow(/artifact.*--format oci-archive/)
    const pulled = await pullImage(order(registry, { format: 'oci' }))
    expect(pulled.digest).toBe(digest)
  })

  it('takes encrypted layers as OCI, and says why not for docker', async () => {
    const registry = await startRegistry()
    const layer = { ...makeLayer(100), mediaType: `${TYPES.dockerLayer}+encrypted` }
    const { digest } = await pushImage(registry, '1', { layers: [layer] })
    const options = order(registry)
    await expect(pullImage(options)).rejects.toThrow(/encrypted.*--format oci-archive/)
    expect(beside(options.path)).toEqual([])
    const pulled = await pullImage(order(registry, { format: 'oci-archive' }))
    expect(pulled.digest).toBe(digest)
  })

  it('takes two pulls of one image at once', async () => {
    const registry = await startRegistry()
    const image = await pushImage(registry, '1', { layers: [makeLayer(3_000_000)] })
    const { cache } = newCache()
    const orders = [order(registry, { cache }), order(registry, { cache })]
    const pulled = await Promise.all(orders.map(pullImage))
    expect(pulled.map(({ digest }) => digest)).toEqual([image.digest, image.digest])
    const [one, two] = orders.map(({ path }) => readFileSync(path))
    expect(one?.equals(two ?? Buffer.of())).toBe(true)
  })
})

it.skipIf(!existsSync('/proc/self'))('ends where no folder can be made', async () => {
  const registry = await startRegistry()
  await pushImage(registry, '1')
  const pulling = pullImage(order(registry, { format: 'oci', path: '/proc/none/app' }))
  await expect(pulling).rejects.toThrow(/^\/proc\/none\/app: it can't be written \(ENOENT\)/)
})

describe('the cache of layers', () => {
  it.each(['docker', 'oci'] as const)('may be emptied during a pull, as %s', async (format) => {
    const registry = await startRegistry()
    await pushImage(registry, '1')
    const { cache, folder } = newCache()
    await pullImage(order(registry, { cache }))
    // By another process, between a look and what follows on it.
    const emptied = {
      ...cache,
      find: (digest: string, size: number) => {
        const found = cache.find(digest, size)
        if (size > 100_000) rmSync(folder, { recursive: true, force: true })
        return found
      },
    }
    const path = join(temporaryFolder(), 'app')
    const { layers } = await pullImage(order(registry, { cache: emptied, format, path }))
    expect(layers).toBe(2)
  })

  it('spares the next pull every layer', async () => {
    const registry = await startRegistry()
    await pushImage(registry, '1')
    const { cache, folder } = newCache()
    const first = order(registry, { cache })
    await pullImage(first)
    const gets = blobGets(registry)
    const second = order(registry, { cache })
    await pullImage(second)
    expect(blobGets(registry) - gets).toBe(0)
    expect(readFileSync(second.path).equals(readFileSync(first.path))).toBe(true)
    expect(statSync(folder).mode & 0o077).toBe(0)
  })

  it.skipIf(process.geteuid?.() !== 0)('has layers whose use it may not note', async () => {
    const parent = temporaryFolder()
    const registry = await startRegistry({ folder: join(parent, 'registry') })
    await pushImage(registry, '1')
    becomeNobody(parent)
    const { cache, folder } = newCache(1, parent)
    const path = (name: string) => join(parent, name)
    const large = { ...cache, sweep: async () => {} }
    await pullImage(order(registry, { cache: large, path: path('1.tar') }))
    const nobody = process.geteuid?.() ?? 0
    process.seteuid?.(0)
    const stamps = readdirSync(folder).filter((name) => name.endsWith('.stamp'))
    for (const name of ['.', ...stamps]) {
      chownSync(join(folder, name), 0, 0)
      chmodSync(join(folder, name), 0o755)
    }
    process.seteuid?.(nobody)
    const gets = blobGets(registry)
    await pullImage(order(registry, { cache, path: path('2.tar') }))
    expect(blobGets(registry) - gets).toBe(0)
  })

  it('has no layer whose file was touched', async () => {
    const registry = await startRegistry()
    const image = await pushImage(registry, '1')
    const { cache, folder } = newCache()
    await pullImage(order(registry, { cache }))
    const [layer] = cache.list().filter(({ size }) => size > 100_000)
    const file = join(folder, layer?.digest.slice(7) ?? '')
    const bytes = readFileSync(file)
    bytes[500] = (bytes[500] ?? 0) ^ 1
    writeFileSync(file, bytes)
    const options = order(registry, { cache })
    await pullImage(options)
    const files = await readArchive(options.path)
    const name = `blobs/sha256/${layer?.digest.slice(7)}`
    expect(files.get(name)).toEqual(image.layers[1]?.bytes)
  })

  it('drops what was not used for longest where it gets too large', async () => {
    const registry = await startRegistry()
    await pushImage(registry, '1', { layers: [makeLayer(100_000)] })
    await pushImage(registry, '2', { layers: [makeLayer(100_000)] })
    let time = 1e12
    const folder = join(temporaryFolder(), 'layers')
    const cache = openCache({ folder, limit: 150_000, now: () => (time += 1000) })
    await pullImage(order(registry, { cache }))
    const first = cache.list()
    await pullImage(order(registry, { cache, reference: parseReference(`${IMAGE}:2`) }))
    const kept = cache.list()
    expect(kept.reduce((sum, { size }) => sum + size, 0)).toBeLessThanOrEqual(150_000)
    const large = (all: typeof kept) => all.filter(({ size }) => size > 1000)
    expect(large(kept)).toHaveLength(1)
    expect(large(kept)[0]?.digest).not.toBe(large(first)[0]?.digest)
    await cache.clear()
    expect(cache.list()).toEqual([])
  })
})

describe('a pull that is cut', () => {
  const SIZE = 3_000_000

  it.each([0, SIZE / 2, SIZE - 30_000])('after %d bytes goes on from there', async (afterBytes) => {
    const registry = await startRegistry()
    const layer = makeLayer(SIZE)
    await pushImage(registry, '1', { layers: [layer] })
    registry.emulator.calls.length = 0
    const { faults } = registry.emulator.settings
    const report = ({ kind }: ProgressEvent) => {
      if (kind === 'plan') faults.push({ service: 'bucket', kind: 'cut', afterBytes })
      if (kind === 'retry') faults.length = 0
    }
    const options = order(registry, { report })
    await pullImage(options)
    const files = await readArchive(options.path)
    expect([...files.values()]).toContainEqual(layer.bytes)
    const ranges = rangesOf(registry)
    expect(ranges).toEqual(afterBytes === 0 ? [] : [expect.stringMatching(/^bytes=\d{6,7}-$/)])
  })

  it('and stopped leaves nothing at the path, and is gone on with by the next', async () => {
    const registry = await startRegistry()
    await pushImage(registry, '1', { layers: [makeLayer(SIZE)] })
    const { cache } = newCache()
    const stopping = new AbortController()
    const client = registry.client({ signal: stopping.signal })
    let seen = 0
    const report = (event: ProgressEvent) => {
      if (event.kind === 'bytes') seen += event.bytes
      if (seen > SIZE / 2) stopping.abort()
    }
    const options = order(registry, { cache, client, report })
    await expect(pullImage(options)).rejects.toThrow(/^stopped; .*run it again/)
    expect(beside(options.path)).toEqual([])
    registry.emulator.calls.length = 0
    await pullImage({ ...options, client: registry.client(), report: () => {} })
    const ranges = rangesOf(registry)
    expect(ranges).toEqual([expect.stringMatching(/^bytes=\d{6,7}-$/)])
  })

  it.each([
    ['at its beginning', () => Buffer.alloc(5000)],
    ['later', (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 4000), Buffer.alloc(1000)])],
  ])('begins anew where what was left is damaged %s', async (_, damaged) => {
    const registry = await startRegistry()
    const layer = makeLayer(SIZE)
    await pushImage(registry, '1', { layers: [layer] })
    const { cache, folder } = newCache()
    const part = await cache.begin(`sha256:${'0'.repeat(64)}`)
    await part?.leave()
    const name = `${digestOf(layer.bytes).slice(7)}.part-0-1`
    writeFileSync(join(folder, name), damaged(layer.bytes.subarray(0, 5000)))
    const options = order(registry, { cache })
    await pullImage(options)
    expect([...(await readArchive(options.path)).values()]).toContainEqual(layer.bytes)
  })

  it('by a URL that has ended asks for a new one', async () => {
    const registry = await startRegistry()
    await pushImage(registry, '1')
    registry.emulator.settings.faults.push({ service: 'bucket', kind: 'deny', times: 3 })
    await pullImage(order(registry))
    expect(registry.emulator.settings.faults).toEqual([])
  })

  it.each([0, 100_000])('each time after %d bytes is given up in one line', async (afterBytes) => {
    const registry = await startRegistry()
    await pushImage(registry, '1', { layers: [makeLayer(SIZE)] })
    const options = order(registry)
    registry.emulator.settings.faults.push({ service: 'bucket', kind: 'cut', afterBytes })
    await expect(pullImage(options)).rejects.toMatchObject({
      code: 'UNREACHABLE',
      message: expect.stringMatching(
        /^layer \w{12}: the connection was cut after|it can't be reached/,
      ),
    })
    expect(beside(options.path)).toEqual([])
  })

  it('at its first question asks it again, at the same door', async () => {
    const registry = await startRegistry()
    const image = await pushImage(registry, '1')
    registry.emulator.settings.faults.push({ service: 'registry', kind: 'cut', times: 1 })
    const reasons: string[] = []
    const client = registry.client({ onRetry: (reason) => reasons.push(reason) })
    expect(await pullImage(order(registry, { client }))).toMatchObject({ digest: image.digest })
    expect(reasons).toEqual(['the connection failed (ECONNRESET)'])
  })

  it('before anything came is given up in one line', async () => {
    const registry = await startRegistry()
    await pushImage(registry, '1')
    const options = order(registry)
    registry.emulator.settings.faults.push({ service: 'registry', kind: 'cut' })
    await expect(pullImage(options)).rejects.toMatchObject({ code: 'UNREACHABLE' })
  })

  it('by throttling waits and goes on', async () => {
    const registry = await startRegistry()
    await pushImage(registry, '1')
    registry.emulator.settings.faults.push({ service: 'registry', kind: 'throttle', times: 4 })
    const events: ProgressEvent[] = []
    const onRetry = (reason: string, waitMs: number) =>
      events.push({ kind: 'retry', reason, waitMs })
    await pullImage(order(registry, { client: registry.client({ onRetry }) }))
    expect(events.length).toBeGreaterThan(0)
  })
})

describe('what a registry sends that is not right', () => {
  it.each([
    ['garble', 1, /layer \w{12}: what the registry sends is not what its digest says/],
    // One whose digest is made on a thread.
    ['garble', 70, /layer \w{12}: what the registry sends is not what its digest says/],
    ['lengthen', 1, /layer \w{12}: the registry has \d+ bytes, and the manifest says \d+/],
    ['endless', 1, /layer \w{12}: the registry sends more than the \d+ bytes/],
  ] as const)(
    'a layer by the fault %s, of %i MB, is one line and no file',
    async (kind, size, line) => {
      const registry = await startRegistry()
      await pushImage(registry, '1', { layers: [makeLayer(size * 1_000_000, 'none')] })
      const { cache } = newCache()
      const first = order(registry, { cache })
      // Not the configuration: it is read first.
      let armed = false
      const client = registry.client()
      const report = () => {
        if (!armed) registry.emulator.settings.faults.push({ service: 'bucket', kind })
        armed = true
      }
      await expect(pullImage({ ...first, client, report })).rejects.toThrow(line)
      expect(beside(first.path)).toEqual([])
      registry.emulator.settings.faults.length = 0
      await pullImage(first)
    },
  )

  it('a layer that is no gzip, though its type says so', async () => {
    const registry = await startRegistry()
    const layer = { ...makeLayer(1000, 'none'), mediaType: TYPES.dockerLayer }
    await pushImage(registry, '1', { layers: [layer] })
    await expect(pullImage(order(registry))).rejects.toThrow(/it is not compressed by gzip/)
  })

  it.each([
    ['', { schemaVersion: 1, fsLayers: [] }, /schema 1/],
    ['', { schemaVersion: 2, mediaType: 'text/html' }, /its type "text\/html" is unknown/],
    ['', { schemaVersion: 2, mediaType: TYPES.ociManifest }, /config has no media type/],
    [
      '',
      {
        schemaVersion: 2,
        mediaType: TYPES.ociManifest,
        config: { mediaType: 'x', digest: 'sha256:../../etc', size: 1 },
      },
      /config has no media type, sha256 digest/,
    ],
  ])('a manifest%s that is none: %j', async (_, manifest, line) => {
    const registry = await startRegistry()
    const image = await pushImage(registry, '1')
    replaceManifest(registry, image.digest, Buffer.from(JSON.stringify(manifest)))
    await expect(pullImage(order(registry))).rejects.toThrow(line)
  })

  it('a manifest that is not what its digest says', async () => {
    const registry = await startRegistry()
    const image = await pushImage(registry, '1')
    replaceManifest(registry, image.digest, Buffer.concat([image.bytes, Buffer.from(' ')]))
    const reference = parseReference(`${IMAGE}@${image.digest}`)
    await expect(pullImage(order(registry, { reference }))).rejects.toThrow(/another digest/)
  })

  it('a tag, a repository that is not there', async () => {
    const registry = await startRegistry()
    await expect(pullImage(order(registry))).rejects.toThrow(
      `${IMAGE}:1: there is no such image; see the tags with: ecr-cname tags ${IMAGE}`,
    )
    const { site } = registry
    const client = registry.client({ site: { ...site, name: { ...site.name, port: 5000 } } })
    await expect(pullImage(order(registry, { client }))).rejects.toThrow(
      `${CNAME}:5000/${REPOSITORY}:1: there is no such image; see the tags with: ecr-cname tags ${CNAME}:5000/${REPOSITORY}`,
    )
    const reference = parseReference(`${IMAGE}-no:1`)
    await expect(pullImage(order(registry, { reference }))).rejects.toThrow(
      /repository with name 'team\/app-no' does not exist/,
    )
  })
})

type Index = {
  readonly manifests: readonly {
    readonly digest: string
    readonly annotations: Readonly<Record<string, string>>
  }[]
}

describe('the place that a pull is told', () => {
  it.each(['docker', 'oci'] as const)('may have a name as long as any, for %s', async (format) => {
    const registry = await startRegistry()
    await pushImage(registry, '1')
    const path = join(temporaryFolder(), 'é'.repeat(127))
    await pullImage(order(registry, { path, format }))
    expect(beside(path)).toEqual(['é'.repeat(127)])
  })

  it('takes two folders of one image that come to stand there at once', async () => {
    const registry = await startRegistry()
    const image = await pushImage(registry, '1', { layers: [makeLayer(1_000_000)] })
    const options = order(registry, { format: 'oci' })
    await Promise.all([pullImage(options), pullImage(options)])
    const index = JSON.parse(readFileSync(join(options.path, 'index.json'), 'utf8')) as unknown
    expect(index).toMatchObject({ manifests: [{ digest: image.digest }] })
    expect(readdirSync(join(options.path, 'blobs/sha256'))).toHaveLength(3)
    expect(beside(options.path)).toEqual(['app.tar'])
  })

  it.each(['new', 'there already'])(
    'names all images that come at once into one folder, %s',
    async (which) => {
      const registry = await startRegistry()
      const tags = ['1', '2', '3']
      const images = await Promise.all(tags.map(async (tag) => await pushImage(registry, tag)))
      const options = order(registry, { format: 'oci' })
      const pull = async (tag: string) =>
        await pullImage({ ...options, reference: parseReference(`${IMAGE}:${tag}`) })
      if (which === 'there already') await pull('1')
      await Promise.all(tags.map(pull))
      const index = JSON.parse(readFileSync(join(options.path, 'index.json'), 'utf8')) as Index
      const named = index.manifests.map(({ digest, annotations }) => [
        annotations['org.opencontainers.image.ref.name'],
        digest,
      ])
      expect(Object.fromEntries(named)).toEqual(
        Object.fromEntries(tags.map((tag, at) => [tag, images[at]?.digest])),
      )
      expect(named).toHaveLength(tags.length)
      expect(readdirSync(options.path).toSorted()).toEqual(['blobs', 'index.json', 'oci-layout'])
    },
  )

  it('takes over the lock of a pull that was killed', async () => {
    const registry = await startRegistry()
    await pushImage(registry, '1')
    const options = order(registry, { format: 'oci' })
    await pullImage(options)
    const lock = join(options.path, 'index.json.lock')
    writeFileSync(lock, `${await endedProgram()} ${Date.now()}`)
    await pullImage(options)
    expect(existsSync(lock)).toBe(false)
  })

  it.each(['docker', 'oci'] as const)(
    'is rid of what a killed pull left for %s, not of what another fills',
    async (format) => {
      const registry = await startRegistry()
      await pushImage(registry, '1')
      const options = order(registry, { format })
      const [left, filled] = [`.app.tar.${await endedProgram()}-1.tmp`, `.app.tar.${pid}-99.tmp`]
      for (const name of [left, filled]) mkdirSync(join(options.path, '..', name))
      await pullImage(options)
      expect(beside(options.path).toSorted()).toEqual([filled, 'app.tar'])
    },
  )

  it.each([true, false])(
    'is written through a link, whose target is there: %s',
    async (isThere) => {
      const registry = await startRegistry()
      await pushImage(registry, '1')
      const [folder, elsewhere] = [temporaryFolder(), temporaryFolder()]
      const [path, target] = [join(folder, 'app.tar'), join(elsewhere, 'kept.tar')]
      symlinkSync(target, path)
      if (isThere) writeFileSync(target, 'old')
      await pullImage(order(registry, { path }))
      expect(readlinkSync(path)).toBe(target)
      expect((await readArchive(target)).size).toBe(7)
      expect([...readdirSync(folder), ...readdirSync(elsewhere)]).toEqual(['app.tar', 'kept.tar'])
    },
  )

  it('is left alone where it is a link to no plain file, or to itself', async () => {
    const registry = await startRegistry()
    await pushImage(registry, '1')
    const folder = temporaryFolder()
    const path = join(folder, 'app.tar')
    symlinkSync('/dev/null', path)
    await expect(pullImage(order(registry, { path }))).rejects.toThrow(/no plain file/)
    rmSync(path)
    symlinkSync('app.tar', path)
    await expect(pullImage(order(registry, { path }))).rejects.toThrow(/can't be written \(ELOOP\)/)
    expect(readdirSync(folder)).toEqual(['app.tar'])
  })

  it('is left alone where it is no plain file or no layout', async () => {
    const registry = await startRegistry()
    await pushImage(registry, '1')
    const folder = join(temporaryFolder(), 'there')
    mkdirSync(folder)
    writeFileSync(join(folder, 'mine'), '')
    await expect(pullImage(order(registry, { path: folder }))).rejects.toThrow(/a folder/)
    await expect(pullImage(order(registry, { path: '/dev/null' }))).rejects.toThrow(/-o -/)
    await expect(pullImage(order(registry, { path: folder, format: 'oci' }))).rejects.toThrow(
      /no OCI layout/,
    )
    expect(existsSync('/dev/null')).toBe(true)
    expect(beside(folder)).toEqual(['there'])
  })
})

/** The id of a program that has ended. */
async function endedProgram(): Promise<number> {
  const child = spawn('true')
  await once(child, 'exit')
  return child.pid ?? 0
}

/** Puts other bytes where the registry keeps a manifest. */
function replaceManifest({ emulator }: Registry, digest: string, bytes: Buffer): void {
  const file = emulator.manifestFile('team/app', digest)
  writeFileSync(file, bytes)
}
