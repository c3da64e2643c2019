import { randomBytes } from 'node:crypto'
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { parseReference } from '../../src/domain/reference.ts'
import { digestOf } from '../../src/images/digest.ts'
import { REF_NAME } from '../../src/images/layout.ts'
import { TYPES } from '../../src/images/manifest.ts'
import type { ProgressEvent } from '../../src/images/progress.ts'
import { pullImage } from '../../src/images/pull.ts'
import { pushImage, type PushOptions } from '../../src/images/push.ts'
import { padded, tarHeader } from '../../src/images/tar.ts'
import { temporaryFolder } from '../support/folder.ts'
import {
  CNAME,
  IMAGE,
  makeLayer,
  pushImage as makeImage,
  pushIndex,
  type Registry,
  startRegistry,
} from './registry.ts'

const COPY = 'team/copy'

async function newRegistry(): Promise<Registry> {
  const registry = await startRegistry()
  await registry.emulator.createRepository(COPY)
  return registry
}

function order(registry: Registry, path: string, more: Partial<PushOptions> = {}): PushOptions {
  const reference = parseReference(`${CNAME}/${COPY}:2`)
  return { reference, client: registry.client(), path, ...more }
}

/** A file that pull wrote. */
async function pulled(registry: Registry, format: 'docker' | 'oci' | 'oci-archive') {
  const path = join(temporaryFolder(), 'app')
  const reference = parseReference(`${IMAGE}:1`)
  await pullImage({ reference, client: registry.client(), path, format, platform: 'all' })
  return path
}

/** An archive of these files. A type other than a plain file's, and a link, may be told. */
function archiveOf(
  files: readonly { name: string; bytes?: Buffer; type?: string; link?: string; size?: string }[],
): string {
  const path = join(temporaryFolder(), 'app.tar')
  const parts = files.flatMap(({ name, bytes = Buffer.of(), type = '0', link = '', size = '' }) => {
    const header = tarHeader(name, bytes.length)
    header.write(type, 156)
    header.write(link, 157)
    header.write(size, 124)
    header.write('        ', 148)
    const sum = header.reduce((total, byte) => total + byte, 0)
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
    return [header, bytes, Buffer.alloc(padded(bytes.length) - bytes.length)]
  })
  writeFileSync(path, Buffer.concat([...parts, Buffer.alloc(1024)]))
  return path
}

/** What `docker save` of engine 20.10 writes: layers unpacked, a layer of two images linked to. */
function dockerSave(names: readonly string[] = ['app:1']) {
  const layers = [makeLayer(100_000, 'none'), makeLayer(500, 'none')]
  const config = Buffer.from(
    JSON.stringify({
      os: 'linux',
      architecture: 'amd64',
      rootfs: { diff_ids: layers.map(({ diffId }) => diffId) },
    }),
  )
  const image = (name: string) => ({
    Config: `${digestOf(config).slice(7)}.json`,
    RepoTags: [name],
    Layers: ['one/layer.tar', 'two/layer.tar'],
  })
  const files = [
    { name: `${digestOf(config).slice(7)}.json`, bytes: config },
    { name: 'zero/layer.tar', bytes: layers[0]?.bytes ?? Buffer.of() },
    { name: 'one/layer.tar', type: '2', link: '../zero/layer.tar' },
    { name: 'two/layer.tar', bytes: layers[1]?.bytes ?? Buffer.of() },
    { name: 'manifest.json', bytes: Buffer.from(JSON.stringify(names.map(image))) },
  ]
  return { files, config, layers }
}

describe('push', () => {
  it.each(['oci', 'oci-archive'] as const)(
    'brings an index out of %s to another repository, the same to the last byte',
    async (format) => {
      const registry = await newRegistry()
      const one = await makeImage(registry, undefined)
      const two = await makeImage(registry, undefined, {
        platform: { os: 'linux', architecture: 'arm64' },
      })
      const index = await pushIndex(registry, '1', [one.descriptor, two.descriptor])
      const path = await pulled(registry, format)
      registry.emulator.calls.length = 0
      const pushed = await pushImage(order(registry, path))
      expect(pushed).toMatchObject({ digest: digestOf(index), blobs: { uploaded: 6 } })
      const puts = registry.emulator.calls.filter(({ operation }) => operation === 'PutManifest')
      expect(puts.map(({ path: url }) => url.split('/').at(-1))).toEqual([
        one.digest,
        two.digest,
        '2',
      ])
      const platform = { os: 'linux', architecture: 'arm64' }
      const single = await pushImage(order(registry, path, { platform }))
      expect(single).toMatchObject({ digest: two.digest, blobs: { uploaded: 0, present: 3 } })
    },
  )

  it('sets the tag of a reference that has a digest, too', async () => {
    const registry = await newRegistry()
    const { digest } = await makeImage(registry, '1')
    const path = await pulled(registry, 'oci')
    const reference = parseReference(`${CNAME}/${COPY}:2@${digest}`)
    await pushImage(order(registry, path, { reference }))
    const tagged = parseReference(`${CNAME}/${COPY}:2`)
    const pull = { client: registry.client(), path: `${path}.tar`, format: 'docker' } as const
    expect(await pullImage({ ...pull, reference: tagged })).toMatchObject({ digest })
  })

  it.each(['docker', 'oci'] as const)(
    'refuses what is of another platform than the one asked for, in %s',
    async (format) => {
      const registry = await newRegistry()
      await makeImage(registry, '1')
      const path = format === 'oci' ? await pulled(registry, format) : archiveOf(dockerSave().files)
      const [amd64, arm64] = ['amd64', 'arm64'].map((one) => ({ os: 'linux', architecture: one }))
      const wrong = { ...(arm64 && { platform: arm64 }) }
      await expect(pushImage(order(registry, path, wrong))).rejects.toThrow(
        /app(\.tar)?: it is for linux\/amd64 alone, not linux\/arm64$/,
      )
      await pushImage(order(registry, path, { ...(amd64 && { platform: amd64 }) }))
    },
  )

  it.each([[null], [5], [{ [REF_NAME]: 5 }], [{ [REF_NAME]: { a: 1 } }]])(
    'takes an image whose annotations are %j for one without a name',
    async (annotations) => {
      const registry = await newRegistry()
      const { digest } = await makeImage(registry, '1')
      const path = await pulled(registry, 'oci')
      const index = JSON.parse(readFileSync(join(path, 'index.json'), 'utf8')) as {
        readonly manifests: readonly object[]
      }
      const manifests = index.manifests.map((one) => ({ ...one, annotations }))
      writeFileSync(join(path, 'index.json'), JSON.stringify({ ...index, manifests }))
      expect(await pushImage(order(registry, path, { tag: digest }))).toMatchObject({ digest })
    },
  )

  it('takes one that has no name by its digest', async () => {
    const registry = await newRegistry()
    const images = [await makeImage(registry, '1'), await makeImage(registry, '2')]
    const path = join(temporaryFolder(), 'app')
    for (const { digest } of images) {
      const reference = parseReference(`${IMAGE}@${digest}`)
      await pullImage({ reference, client: registry.client(), path, format: 'oci' })
    }
    const [{ digest } = { digest: '' }, other] = images
    await expect(pushImage(order(registry, path))).rejects.toThrow(
      `several images are in it; choose with --tag: ${digest}, ${other?.digest}`,
    )
    expect(await pushImage(order(registry, path, { tag: digest }))).toMatchObject({ digest })
  })

  it('follows links in a folder, of which Bazel makes layouts', async () => {
    const registry = await newRegistry()
    const image = await makeImage(registry, '1')
    const whole = await pulled(registry, 'oci')
    const folder = temporaryFolder()
    const blobs = join(folder, 'elsewhere/blobs')
    mkdirSync(blobs, { recursive: true })
    for (const blob of readdirSync(join(whole, 'blobs/sha256'))) {
      symlinkSync(join(whole, 'blobs/sha256', blob), join(blobs, blob))
    }
    mkdirSync(join(folder, 'blobs'))
    symlinkSync('../elsewhere/blobs', join(folder, 'blobs/sha256'))
    symlinkSync(join(whole, 'index.json'), join(folder, 'index.json'))
    const { digest, blobs: counts } = await pushImage(order(registry, folder))
    expect({ digest, counts }).toEqual({
      digest: image.digest,
      counts: { uploaded: 3, present: 0, mounted: 0 },
    })
  })

  it('compresses what docker save left unpacked, to the same bytes each time', async () => {
    const registry = await newRegistry()
    const { files, config, layers } = dockerSave()
    const path = archiveOf(files)
    const first = await pushImage(order(registry, path))
    expect(first).toMatchObject({ mediaType: TYPES.dockerManifest, blobs: { uploaded: 3 } })
    const again = await pushImage(order(registry, path))
    expect(again).toMatchObject({ digest: first.digest, blobs: { uploaded: 0, present: 3 } })
    const output = join(temporaryFolder(), 'copy')
    const reference = parseReference(`${CNAME}/${COPY}:2`)
    await pullImage({ reference, client: registry.client(), path: output, format: 'oci' })
    const blob = (digest: string) => readFileSync(join(output, 'blobs/sha256', digest.slice(7)))
    const manifest = JSON.parse(String(blob(first.digest))) as {
      config: { digest: string }
      layers: { size: number }[]
    }
    expect(blob(manifest.config.digest)).toEqual(config)
    expect(manifest.layers).toHaveLength(layers.length)
  })

  it('stops while it compresses, when it is told to', async () => {
    const registry = await newRegistry()
    const stopping = new AbortController()
    const client = registry.client({ signal: stopping.signal })
    const pushing = pushImage({ ...order(registry, archiveOf(dockerSave().files)), client })
    stopping.abort()
    await expect(pushing).rejects.toThrow(/^stopped; /)
  })

  it('asks which one, where there are several, and takes the one of --tag', async () => {
    const registry = await newRegistry()
    const path = archiveOf(dockerSave(['app:1', 'app:2']).files)
    await expect(pushImage(order(registry, path))).rejects.toThrow(
      /several images are in it; choose with --tag: app:1, app:2$/,
    )
    await expect(pushImage(order(registry, path, { tag: '3' }))).rejects.toThrow(
      /no image in it is called 3; /,
    )
    await pushImage(order(registry, path, { tag: 'app:2' }))
    await pushImage(order(registry, path, { tag: '1' }))
    const ofPodman = archiveOf(dockerSave(['localhost/app:1', 'localhost/other-app:1']).files)
    await pushImage(order(registry, ofPodman, { tag: 'app:1' }))
  })

  it('mounts layers that another repository has', async () => {
    const registry = await newRegistry()
    registry.emulator.settings.blobMounting = true
    await makeImage(registry, '1')
    const path = await pulled(registry, 'oci')
    const pushed = await pushImage(order(registry, path, { mountFrom: ['team/none', 'team/app'] }))
    expect(pushed.blobs).toEqual({ uploaded: 0, present: 0, mounted: 3 })
  })

  it('sends a large layer in parts, and a part that was cut again', async () => {
    const registry = await newRegistry()
    await makeImage(registry, '1', { layers: [makeLayer(70_000_000, 'none')] })
    const path = await pulled(registry, 'oci')
    registry.emulator.settings.faults.push({
      service: 'registry',
      operation: 'PatchUpload',
      kind: 'cut',
      afterBytes: 1_000_000,
      times: 1,
    })
    registry.emulator.calls.length = 0
    expect(await pushImage(order(registry, path))).toMatchObject({ blobs: { uploaded: 2 } })
    const parts = registry.emulator.calls.filter(({ operation }) => operation === 'PatchUpload')
    expect(parts.map(({ headers }) => headers['content-range'])).toEqual([
      '0-67108863',
      '0-67108863',
      expect.stringMatching(/^67108864-70\d+$/),
    ])
  })

  // HEAD is asked for first, and what answers it can't say that a token has ended.
  it.each(['plan', 'done'])('logs in anew where the token ends at the first %s', async (first) => {
    const registry = await newRegistry()
    await makeImage(registry, '1')
    const path = await pulled(registry, 'oci')
    const secrets: (string | undefined)[] = []
    const credentials: typeof registry.credentials = async (refused) => {
      secrets.push(refused)
      return await registry.credentials()
    }
    const client = registry.client({ credentials })
    const base = await client.ask({ method: 'GET', path: '', expect: [200] })
    base.skip()
    let isLater = false
    const report = ({ kind }: ProgressEvent) => {
      if (kind !== first || isLater) return
      registry.emulator.settings.clockOffsetMs += 13 * 3600_000
      isLater = true
    }
    expect(await pushImage(order(registry, path, { client, report }))).toMatchObject({
      blobs: { uploaded: 3 },
    })
    expect(secrets).toEqual([undefined, expect.stringMatching(/^\w+/)])
  })

  it.each([
    ['throttle', 'StartUpload'],
    ['cut', 'FinishUpload'],
    ['cut', 'HeadBlob'],
  ] as const)('goes on after a %s of %s', async (kind, operation) => {
    const registry = await newRegistry()
    await makeImage(registry, '1')
    const path = await pulled(registry, 'oci')
    registry.emulator.settings.faults.push({ service: 'registry', operation, kind, times: 2 })
    await pushImage(order(registry, path))
    expect(registry.emulator.settings.faults).toEqual([])
  })
})

describe('an archive that is not right', () => {
  const plain = { name: 'a', bytes: Buffer.from('a') }

  it.each([
    ['leads out', [{ name: '../../etc/passwd' }], /"\.\.\/\.\.\/etc\/passwd" leads out/],
    ['leads to the root', [{ name: '/etc/passwd' }], /leads out of the archive/],
    ['is there twice', [plain, { name: './a' }], /"\.\/a" is there twice/],
    ['is a link out', [{ name: 'b', type: '2', link: '../../x' }], /is a link to what is no file/],
    ['is a hard link to nothing', [{ name: 'b', type: '1', link: 'c' }], /is a link to what is no/],
    ['is a device', [{ name: 'b', type: '3' }], /is neither a file nor a folder/],
    ['is no image', [plain], /neither index\.json nor manifest\.json/],
    ['is no list', [{ name: 'manifest.json', bytes: Buffer.from('{}') }], /no list of images/],
    [
      'is a manifest',
      [{ name: 'manifest.json', bytes: Buffer.from('{"schemaVersion":2}') }],
      /it is of the form dir; copy it anew: skopeo copy dir:FOLDER oci-archive:FILE$/,
    ],
  ])('since a name in it %s is refused', async (_, files, line) => {
    const registry = await startRegistry()
    await expect(pushImage(order(registry, archiveOf(files)))).rejects.toThrow(line)
    expect(registry.emulator.calls).toEqual([])
  })

  it.each([
    ['below nothing', '-0000001000'],
    ['no number', 'zzzzzzzzzzz'],
  ])('is refused where a file of it has a size that is %s', async (_, size) => {
    const registry = await startRegistry()
    const path = archiveOf([{ name: 'a', type: 'g', size }])
    await expect(pushImage(order(registry, path))).rejects.toThrow(/is damaged at byte 0/)
  })

  it.each([
    ['a word', Buffer.from('hello\n'), /app\.tar: it is no tar archive$/],
    ['compressed', gzipSync('hello'), /it is compressed; unpack it/],
    ['nothing', Buffer.of(), /the archive ends early/],
  ])('is refused for what it is where it is shorter than any: %s', async (_, bytes, line) => {
    const registry = await startRegistry()
    const path = join(temporaryFolder(), 'app.tar')
    writeFileSync(path, bytes)
    await expect(pushImage(order(registry, path))).rejects.toThrow(line)
  })

  it('is refused where it lists no image', async () => {
    const registry = await startRegistry()
    const path = archiveOf([{ name: 'manifest.json', bytes: Buffer.from('[]') }])
    await expect(pushImage(order(registry, path))).rejects.toThrow(/app\.tar: no image is in it$/)
  })

  it('is refused where it ends early, or is none', async () => {
    const registry = await startRegistry()
    const path = archiveOf(dockerSave().files)
    truncateSync(path, 60_000)
    await expect(pushImage(order(registry, path))).rejects.toThrow(/the archive ends early/)
    writeFileSync(path, Buffer.alloc(2000, 'x'))
    await expect(pushImage(order(registry, path))).rejects.toThrow(/it is no tar archive/)
    writeFileSync(path, gzipSync(randomBytes(2000)))
    await expect(pushImage(order(registry, path))).rejects.toThrow(
      /app\.tar: it is compressed; unpack it on the way: gunzip -c < FILE \| ecr-cname push - REF$/,
    )
  })

  it('is refused where a layer is not what its digest says', async () => {
    const registry = await newRegistry()
    const { files } = dockerSave()
    const layer = files.find(({ name }) => name === 'zero/layer.tar')
    if (layer?.bytes) layer.bytes[600] = (layer.bytes[600] ?? 0) ^ 1
    await expect(pushImage(order(registry, archiveOf(files)))).rejects.toThrow(
      /layer \w{12} is not what the configuration says/,
    )
    const image = await makeImage(registry, '1')
    const folder = await pulled(registry, 'oci')
    const [big] = image.layers.slice(1)
    const blob = join(folder, 'blobs/sha256', digestOf(big?.bytes ?? Buffer.of()).slice(7))
    const bytes = readFileSync(blob)
    bytes[700] = (bytes[700] ?? 0) ^ 1
    writeFileSync(blob, bytes)
    await expect(pushImage(order(registry, folder))).rejects.toThrow(
      /blob \w{12}: what the archive has is not what its digest says/,
    )
  })

  it('is refused where a link in a folder leads to no plain file', async () => {
    const registry = await newRegistry()
    await makeImage(registry, '1')
    const folder = await pulled(registry, 'oci')
    const blobs = join(folder, 'blobs/sha256')
    const [blob = ''] = readdirSync(blobs)
    rmSync(join(blobs, blob))
    for (const target of ['/dev/zero', '/', 'nowhere']) {
      symlinkSync(target, join(blobs, blob))
      await expect(pushImage(order(registry, folder))).rejects.toThrow(/is not in it/)
      rmSync(join(blobs, blob))
    }
    symlinkSync(blob, join(blobs, blob))
    await expect(pushImage(order(registry, folder))).rejects.toThrow(/can't be read \(ELOOP\)/)
  })

  it('is refused where a docker archive, unpacked, has links', async () => {
    const registry = await newRegistry()
    const folder = temporaryFolder()
    const elsewhere = temporaryFolder()
    const { files, config } = dockerSave()
    for (const { name, bytes } of files) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      if (bytes) writeFileSync(join(folder, name), bytes)
    }
    writeFileSync(join(elsewhere, 'config'), config)
    const name = `${digestOf(config).slice(7)}.json`
    rmSync(join(folder, name))
    symlinkSync(join(elsewhere, 'config'), join(folder, name))
    await expect(pushImage(order(registry, folder))).rejects.toThrow(/\.json" is not in it/)
  })
})
