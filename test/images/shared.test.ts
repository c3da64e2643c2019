import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  accessSync,
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getuid, umask } from 'node:process'
import { describe, expect, it, onTestFinished } from 'vitest'
import { parseReference } from '../../src/domain/reference.ts'
import { digestOf, hexOf } from '../../src/images/digest.ts'
import type { ProgressEvent } from '../../src/images/progress.ts'
import { pullImage } from '../../src/images/pull.ts'
import { temporaryFolder } from '../support/folder.ts'
import { blobGets, newCache, order, rangesOf } from './pulls.ts'
import { IMAGE, makeLayer, pushImage, type Registry, startRegistry } from './registry.ts'

const SIZE = 3_000_000
const GROUP = 1000

/** A registry with an image of one layer, a cache, and pulls of it into new folders. */
async function start({ size = SIZE, cacheIn = temporaryFolder() } = {}) {
  const registry = await startRegistry()
  const layer = makeLayer(size)
  const image = await pushImage(registry, '1', { layers: [layer] })
  const hex = hexOf(digestOf(layer.bytes))
  const { cache, folder } = newCache(1e9, cacheIn)
  return {
    registry,
    image,
    layer,
    hex,
    cache,
    folder,
    kept: join(folder, hex),
    blobIn: (path: string) => join(path, 'blobs/sha256', hex),
    toFolder: (path = join(temporaryFolder(), 'app')) =>
      order(registry, { cache, path, format: 'oci' }),
  }
}

/** How often a blob is loaded. */
async function loads(registry: Registry, act: () => Promise<unknown>): Promise<number> {
  const before = blobGets(registry)
  await act()
  return blobGets(registry) - before
}

function inodeOf(path: string) {
  return statSync(path).ino
}

function filesIn(...folders: readonly string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
  )
}

/** Drafts and parts. */
function leftIn(...folders: readonly string[]): string[] {
  return filesIn(...folders).filter((name) => /\.tmp|\.part-/.test(name))
}

/** Changes a byte in place, as no tool does. */
function damage(file: string): void {
  const bytes = readFileSync(file)
  bytes[500] = (bytes[500] ?? 0) ^ 1
  writeFileSync(file, bytes)
  // The clocks of file systems are coarse.
  utimesSync(file, new Date(), new Date())
}

describe('a blob in an OCI folder and in the cache', () => {
  it('is one file from the first byte on, with the mode of any new file', async () => {
    const { registry, cache, kept, blobIn, toFolder, layer, hex, folder } = await start()
    const options = toFolder()
    let isOne = false
    const report = ({ kind }: ProgressEvent) => {
      if (kind !== 'bytes') return
      const files = filesIn(folder, join(options.path, '..')).filter((name) => name.includes(hex))
      isOne ||= files.length === 2 && new Set(files.map(inodeOf)).size === 1
    }
    await pullImage({ ...options, report })
    expect(isOne).toBe(true)
    const blob = blobIn(options.path)
    expect(readFileSync(blob).equals(layer.bytes)).toBe(true)
    expect(inodeOf(blob)).toBe(inodeOf(kept))
    expect(statSync(blob).nlink).toBe(2)
    expect(statSync(blob).mode).toBe(statSync(join(options.path, 'oci-layout')).mode)
    expect(statSync(folder).mode & 0o077).toBe(0)
    expect(leftIn(folder, join(options.path, '..'))).toEqual([])
    expect(cache.list()).toHaveLength(2)
    expect(await loads(registry, () => pullImage(toFolder()))).toBe(0)
  })

  it('is one file after a pull that finds it in the cache', async () => {
    const { registry, kept, blobIn, toFolder } = await start()
    const [one, two] = [toFolder(), toFolder()]
    await pullImage({ ...toFolder(), format: 'docker' })
    expect(statSync(kept).nlink).toBe(1)
    for (const options of [one, two]) {
      expect(await loads(registry, () => pullImage(options))).toBe(0)
      expect(inodeOf(blobIn(options.path))).toBe(inodeOf(kept))
      expect(statSync(kept).mode).toBe(statSync(join(options.path, 'oci-layout')).mode)
    }
    expect(statSync(kept).nlink).toBe(3)
  })

  it('is one file after a second pull into the same folder, which leaves nothing else', async () => {
    const { registry, kept, blobIn, toFolder } = await start()
    const options = toFolder()
    await pullImage(options)
    expect(await loads(registry, () => pullImage(options))).toBe(0)
    expect(inodeOf(blobIn(options.path))).toBe(inodeOf(kept))
    expect(statSync(kept).nlink).toBe(2)
    expect(leftIn(options.path)).toEqual([])
    expect(await loads(registry, () => pullImage(toFolder()))).toBe(0)
  })

  it('is not missed where the folders are removed', async () => {
    const { registry, kept, toFolder } = await start()
    const [one, two, three] = [toFolder(), toFolder(), toFolder()]
    for (const options of [one, two]) await pullImage(options)
    for (const { path } of [one, two]) rmSync(path, { recursive: true })
    expect(statSync(kept).nlink).toBe(1)
    expect(await loads(registry, () => pullImage(three))).toBe(0)
    rmSync(three.path, { recursive: true })
    const archive = () => pullImage({ ...three, format: 'docker' })
    expect(await loads(registry, archive)).toBe(0)
  })

  it.each(['stays', 'is removed'])(
    'is loaded anew where it was changed in a folder that %s',
    async (what) => {
      const { registry, layer, kept, blobIn, toFolder } = await start()
      const [one, two, three] = [toFolder(), toFolder(), toFolder()]
      await pullImage(one)
      damage(blobIn(one.path))
      const damaged = readFileSync(blobIn(one.path))
      if (what === 'is removed') rmSync(one.path, { recursive: true })
      expect(await loads(registry, () => pullImage(two))).toBe(1)
      for (const file of [blobIn(two.path), kept]) {
        expect(readFileSync(file).equals(layer.bytes)).toBe(true)
      }
      if (what === 'stays') expect(readFileSync(blobIn(one.path)).equals(damaged)).toBe(true)
      expect(await loads(registry, () => pullImage(three))).toBe(0)
    },
  )

  // Only root may give a file away, and root alone reads what nobody may.
  const isRoot = getuid?.() === 0
  it(`is loaded anew where ${isRoot ? 'its owner was changed' : 'it can’t be read'}`, async () => {
    const { registry, blobIn, toFolder } = await start()
    const options = toFolder()
    await pullImage(options)
    if (isRoot) chownSync(blobIn(options.path), 1, 1)
    else chmodSync(blobIn(options.path), 0)
    rmSync(options.path, { recursive: true })
    expect(await loads(registry, () => pullImage(toFolder()))).toBe(1)
  })

  it('is mended by a pull into the folder where it was changed', async () => {
    const { layer, blobIn, toFolder } = await start()
    const options = toFolder()
    await pullImage(options)
    damage(blobIn(options.path))
    await pullImage(options)
    expect(readFileSync(blobIn(options.path)).equals(layer.bytes)).toBe(true)
  })

  it('is refused in one line where a folder has its name', async () => {
    const { blobIn, toFolder } = await start()
    const options = toFolder()
    await pullImage(options)
    rmSync(blobIn(options.path))
    mkdirSync(blobIn(options.path))
    await expect(pullImage(options)).rejects.toThrow(/app: it can't be written \(EISDIR\)$/)
    expect(leftIn(options.path)).toEqual([])
  })

  it('is a file of its own where others may write to it', async () => {
    const { kept, blobIn, layer, toFolder } = await start()
    const usual = umask(0o002)
    onTestFinished(() => {
      umask(usual)
    })
    const [cold, warm] = [toFolder(), toFolder()]
    await pullImage(cold)
    await pullImage(warm)
    for (const { path } of [cold, warm]) {
      expect(statSync(blobIn(path)).mode & 0o777).toBe(0o664)
      expect(readFileSync(blobIn(path)).equals(layer.bytes)).toBe(true)
    }
    expect(statSync(kept)).toMatchObject({ nlink: 1 })
  })

  it('keeps the mode that it has in another folder', async () => {
    const { registry, kept, blobIn, toFolder } = await start()
    const [one, two] = [toFolder(), toFolder()]
    const usual = umask(0o022)
    onTestFinished(() => {
      umask(usual)
    })
    await pullImage(one)
    umask(0o077)
    expect(await loads(registry, () => pullImage(two))).toBe(0)
    expect(statSync(blobIn(one.path)).mode & 0o777).toBe(0o644)
    expect(statSync(blobIn(two.path)).mode & 0o777).toBe(0o600)
    expect(inodeOf(blobIn(two.path))).not.toBe(inodeOf(kept))
  })

  // A folder whose files are all of its own group, whoever makes them.
  it.skipIf(!isRoot)('is of the group that files get in a folder', async () => {
    const { registry, kept, blobIn, toFolder } = await start()
    await pullImage(toFolder())
    const parent = temporaryFolder()
    chownSync(parent, 0, GROUP)
    chmodSync(parent, 0o2775)
    const options = toFolder(join(parent, 'app'))
    expect(await loads(registry, () => pullImage(options))).toBe(0)
    expect(statSync(blobIn(options.path)).gid).toBe(GROUP)
    expect(statSync(kept).gid).not.toBe(GROUP)
  })

  it('may be empty, with a cache and without', async () => {
    const { registry, cache, toFolder } = await start()
    const bytes = Buffer.of()
    const layers = [{ bytes, diffId: digestOf(bytes), mediaType: 'text/plain' }]
    await pushImage(registry, 'empty', { layers })
    const reference = parseReference(`${IMAGE}:empty`)
    const { cache: _, ...alone } = toFolder()
    for (const options of [alone, { ...alone, cache }, { ...alone, cache }]) {
      const { path } = toFolder()
      await pullImage({ ...options, path, reference })
      expect(statSync(join(path, 'blobs/sha256', hexOf(digestOf(bytes)))).size).toBe(0)
    }
  })

  it('is a file of its own without a cache, and in archives', async () => {
    const { registry, kept, blobIn, toFolder } = await start()
    const { cache: _, ...alone } = toFolder()
    await pullImage(alone)
    expect(statSync(blobIn(alone.path)).nlink).toBe(1)
    const archive = () => pullImage({ ...toFolder(), format: 'oci-archive' })
    // The configuration, too.
    expect(await loads(registry, archive)).toBe(2)
    expect(statSync(kept).nlink).toBe(1)
  })
})

describe.skipIf(!isElsewhere('/dev/shm'))('a cache on another file system', () => {
  it('is filled and read as one that can’t be linked to', async () => {
    const cacheIn = mkdtempSync('/dev/shm/ecr-cname-test-')
    onTestFinished(() => rmSync(cacheIn, { recursive: true }))
    const { registry, layer, kept, blobIn, toFolder } = await start({ cacheIn })
    const [cold, warm] = [toFolder(), toFolder()]
    await pullImage(cold)
    expect(await loads(registry, () => pullImage(warm))).toBe(0)
    for (const file of [kept, blobIn(cold.path), blobIn(warm.path)]) {
      expect(readFileSync(file).equals(layer.bytes)).toBe(true)
      expect(statSync(file).nlink).toBe(1)
    }
    expect(leftIn(cacheIn, cold.path, warm.path)).toEqual([])
  })
})

describe('a pull into an OCI folder that is cut', () => {
  it.each(['a new folder', 'the folder of another image'])(
    'by a stop leaves no draft in %s, and is gone on with',
    async (where) => {
      const { registry, layer, kept, blobIn, toFolder } = await start()
      const options = toFolder()
      if (where !== 'a new folder') {
        await pushImage(registry, '2')
        await pullImage({ ...options, reference: parseReference(`${IMAGE}:2`) })
      }
      const stopping = new AbortController()
      let seen = 0
      const report = (event: ProgressEvent) => {
        if (event.kind === 'bytes') seen += event.bytes
        if (seen > SIZE / 2) stopping.abort()
      }
      const client = registry.client({ signal: stopping.signal })
      await expect(pullImage({ ...options, client, report })).rejects.toThrow(/^stopped;/)
      expect(leftIn(join(options.path, '..'))).toEqual([])
      registry.emulator.calls.length = 0
      await pullImage(options)
      expect(rangesOf(registry)).toEqual([expect.stringMatching(/^bytes=\d{6,7}-$/)])
      expect(readFileSync(blobIn(options.path)).equals(layer.bytes)).toBe(true)
      expect(inodeOf(blobIn(options.path))).toBe(inodeOf(kept))
    },
  )

  it('by the network goes on in the same file', async () => {
    const { registry, layer, kept, blobIn, toFolder } = await start()
    const options = toFolder()
    const fault = { service: 'bucket', kind: 'cut', afterBytes: SIZE / 2, times: 2 } as const
    registry.emulator.settings.faults.push(fault)
    await pullImage(options)
    expect(readFileSync(blobIn(options.path)).equals(layer.bytes)).toBe(true)
    expect(inodeOf(blobIn(options.path))).toBe(inodeOf(kept))
  })

  it('writes to no file that the one before has made', async () => {
    const { registry, layer, hex, folder, kept, blobIn, toFolder } = await start()
    const options = toFolder()
    await pushImage(registry, '2')
    await pullImage({ ...options, reference: parseReference(`${IMAGE}:2`) })
    // As a kill leaves it: a part, and drafts of it, here and in a folder that nobody clears.
    const killed = await endedProgram()
    const part = join(folder, `${hex}.part-${killed}-1`)
    const [draft, elsewhere] = [
      `${blobIn(options.path)}.${killed}-2.tmp`,
      join(temporaryFolder(), hex),
    ]
    const half = layer.bytes.subarray(0, SIZE / 2)
    writeFileSync(part, half)
    for (const name of [draft, elsewhere]) linkSync(part, name)
    registry.emulator.calls.length = 0
    await pullImage(options)
    expect(rangesOf(registry)).toEqual([`bytes=${SIZE / 2}-`])
    expect(readFileSync(elsewhere).equals(half)).toBe(true)
    expect(statSync(elsewhere).nlink).toBe(1)
    expect(inodeOf(blobIn(options.path))).toBe(inodeOf(kept))
    expect(leftIn(folder, options.path)).toEqual([])
  })

  it('goes on with the most of what several have left', async () => {
    const { registry, layer, hex, folder, toFolder } = await start()
    mkdirSync(folder, { mode: 0o700 })
    for (const [at, size] of [1000, 200_000, 3000].entries()) {
      writeFileSync(join(folder, `${hex}.part-0-${at}`), layer.bytes.subarray(0, size))
    }
    await pullImage(toFolder())
    expect(rangesOf(registry)).toEqual(['bytes=200000-'])
  })

  it.each([
    ['at its beginning', () => Buffer.alloc(5000)],
    ['later', (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 4000), Buffer.alloc(1000)])],
    ['by its length', (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(1_000_000)])],
  ])('begins anew where what was left is damaged %s', async (_, damaged) => {
    const { registry, layer, hex, folder, kept, blobIn, toFolder } = await start()
    mkdirSync(folder, { mode: 0o700 })
    writeFileSync(join(folder, `${hex}.part-0-1`), damaged(layer.bytes))
    const options = toFolder()
    await pullImage(options)
    expect(readFileSync(blobIn(options.path)).equals(layer.bytes)).toBe(true)
    expect(inodeOf(blobIn(options.path))).toBe(inodeOf(kept))
    expect(await loads(registry, () => pullImage(toFolder()))).toBe(0)
  })
})

describe('a layer that is not what its digest says', () => {
  it('gets no name, in the folder or in the cache', async () => {
    const { registry, layer, hex, folder, cache, toFolder } = await start()
    const options = toFolder()
    let isArmed = false
    const report = () => {
      // Not the configuration: it is read first.
      if (!isArmed) registry.emulator.settings.faults.push({ service: 'bucket', kind: 'garble' })
      isArmed = true
    }
    await expect(pullImage({ ...options, report })).rejects.toThrow(/not what its digest says/)
    expect(readdirSync(join(options.path, '..'))).toEqual([])
    expect(cache.list().map(({ digest }) => hexOf(digest))).not.toContain(hex)
    const left = readdirSync(folder).filter((name) => name.startsWith(`${hex}.`))
    const isBeginning = (bytes: Buffer) => bytes.equals(layer.bytes.subarray(0, bytes.length))
    expect(left.filter((name) => !isBeginning(readFileSync(join(folder, name))))).toEqual([])
    registry.emulator.settings.faults.length = 0
    await pullImage(options)
  })
})

describe('pulls at once', () => {
  it.each(['cold', 'warm'])('into several folders from a %s cache are right', async (which) => {
    const { registry, layer, kept, blobIn, toFolder, folder } = await start()
    if (which === 'warm') await pullImage(toFolder())
    const orders = [toFolder(), toFolder(), toFolder()]
    await Promise.all(orders.map(pullImage))
    for (const file of [kept, ...orders.map(({ path }) => blobIn(path))]) {
      expect(readFileSync(file).equals(layer.bytes)).toBe(true)
    }
    expect(leftIn(folder, ...orders.map(({ path }) => path))).toEqual([])
    const files = orders.map(({ path }) => inodeOf(blobIn(path)))
    expect(new Set(files).size).toBe(which === 'warm' ? 1 : orders.length)
    if (which === 'warm') expect(await loads(registry, () => pullImage(toFolder()))).toBe(0)
  })

  it.each([
    ['cold', 'new'],
    ['cold', 'there already'],
    ['warm', 'new'],
    ['warm', 'there already'],
  ])('from a %s cache into one folder, %s, are right', async (which, folderIs) => {
    const { registry, layer, kept, blobIn, toFolder, folder } = await start()
    if (which === 'warm') await pullImage(toFolder())
    const options = toFolder()
    if (folderIs === 'there already') {
      await pushImage(registry, '2')
      await pullImage({ ...options, reference: parseReference(`${IMAGE}:2`) })
    }
    await Promise.all([options, options, options].map(pullImage))
    for (const file of [kept, blobIn(options.path)]) {
      expect(readFileSync(file).equals(layer.bytes)).toBe(true)
    }
    expect(leftIn(folder, join(options.path, '..'))).toEqual([])
    if (which === 'warm') expect(await loads(registry, () => pullImage(toFolder()))).toBe(0)
  })

  it('of two images into one new folder leave both to be found', async () => {
    const { registry, toFolder } = await start()
    await pushImage(registry, '2', { layers: [makeLayer(SIZE)] })
    const pull = async (tag: string, options = toFolder()) =>
      await pullImage({ ...options, reference: parseReference(`${IMAGE}:${tag}`) })
    const options = toFolder()
    await Promise.all([pull('1', options), pull('2', options)])
    for (const tag of ['1', '2']) expect(await loads(registry, () => pull(tag))).toBe(0)
  })
})

/** Whether a folder is there, and on another file system than the tests' own. */
function isElsewhere(folder: string): boolean {
  try {
    accessSync(folder)
    return statSync(folder).dev !== statSync(tmpdir()).dev
  } catch {
    return false
  }
}

/** The id of a program that has ended. */
async function endedProgram(): Promise<number> {
  const child = spawn('true')
  await once(child, 'exit')
  return child.pid ?? 0
}
