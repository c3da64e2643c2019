/** What the registries hold, in a folder: one subfolder per registry and repository. */

import { createHash, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { link, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Account and region; every host form of a registry leads to the same one. */
export type RegistryId = { readonly account: string; readonly region: string }

export type RepositoryOptions = { readonly immutable?: boolean }

export type RepositoryFacts = {
  readonly name: string
  readonly immutable: boolean
  readonly createdAt: Date
  readonly scanOnPush?: boolean
  readonly kmsKey?: string
  readonly tags?: readonly Tag[]
}

/** A tag of AWS', on a repository. */
export type Tag = { readonly Key: string; readonly Value: string }

export type ManifestFacts = {
  readonly digest: string
  readonly mediaType: string
  readonly pushedAt: Date
  readonly size: number
}

/** A repository that exists. */
export type Repository = {
  readonly facts: RepositoryFacts
  /** Where a blob is, whether or not it exists. */
  readonly blobPath: (digest: string) => string
  readonly blobSize: (digest: string) => Promise<number | undefined>
  /** Moves a finished file in as a blob. */
  readonly addBlob: (digest: string, file: string) => Promise<void>
  /** Takes a blob over from another repository. */
  readonly linkBlob: (digest: string, from: Repository) => Promise<void>
  readonly deleteBlob: (digest: string) => Promise<void>
  /** A new file for an upload. */
  readonly uploadPath: () => Promise<string>
  readonly addManifest: (bytes: Buffer, mediaType: string, at: Date) => Promise<string>
  readonly readManifest: (digest: string) => Promise<Buffer>
  readonly manifest: (digest: string) => Promise<ManifestFacts | undefined>
  readonly manifests: () => Promise<readonly ManifestFacts[]>
  readonly deleteManifest: (digest: string) => Promise<void>
  /** Digests by tag. */
  readonly tags: () => Promise<ReadonlyMap<string, string>>
  readonly tag: (name: string) => Promise<string | undefined>
  readonly setTag: (name: string, digest: string) => Promise<void>
  readonly deleteTag: (name: string) => Promise<void>
}

export type Content = {
  readonly repository: (registry: RegistryId, name: string) => Promise<Repository | undefined>
  readonly repositories: (registry: RegistryId) => Promise<readonly RepositoryFacts[]>
  /** Undefined if there is one already. */
  readonly create: (
    registry: RegistryId,
    facts: RepositoryFacts,
  ) => Promise<RepositoryFacts | undefined>
  readonly delete: (registry: RegistryId, name: string) => Promise<void>
}

const REPOSITORY = /^[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*$/

/** Whether ECR would take a name for a repository; only such names become folders. */
export function isRepositoryName(name: string): boolean {
  return name.length <= 256 && REPOSITORY.test(name)
}

/** The digest of bytes, as registries write it. */
export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

/** Opens the registries in a folder. */
export function openContent(folder: string): Content {
  const registryFolder = ({ account, region }: RegistryId) => join(folder, `${account}.${region}`)
  const folderOf = (registry: RegistryId, name: string) =>
    join(registryFolder(registry), encodeURIComponent(name))
  return {
    async repository(registry, name) {
      if (!isRepositoryName(name)) return undefined
      const facts = await readFacts(folderOf(registry, name))
      return facts && openRepository(folderOf(registry, name), facts)
    },
    async repositories(registry) {
      const names = await list(registryFolder(registry))
      const all = names.map((name) => readFacts(join(registryFolder(registry), name)))
      return (await Promise.all(all)).filter((facts) => facts !== undefined)
    },
    async create(registry, facts) {
      const place = folderOf(registry, facts.name)
      if (existsSync(join(place, 'repository.json'))) return undefined
      for (const part of ['blobs', 'manifests', 'tags', 'uploads']) {
        await mkdir(join(place, part), { recursive: true })
      }
      await replaceFile(join(place, 'repository.json'), JSON.stringify(facts))
      return facts
    },
    async delete(registry, name) {
      await rm(folderOf(registry, name), { recursive: true, force: true })
    },
  }
}

const openRepository = (folder: string, facts: RepositoryFacts): Repository => {
  const path = (part: string, digest: string) => join(folder, part, digest.replace('sha256:', ''))
  return {
    facts,
    blobPath: (digest) => path('blobs', digest),
    blobSize: (digest) => sizeOf(path('blobs', digest)),
    addBlob: (digest, file) => rename(file, path('blobs', digest)),
    async linkBlob(digest, from) {
      if (existsSync(path('blobs', digest))) return
      await link(from.blobPath(digest), path('blobs', digest))
    },
    deleteBlob: (digest) => rm(path('blobs', digest), { force: true }),
    async uploadPath() {
      const file = join(folder, 'uploads', randomUUID())
      await writeFile(file, '')
      return file
    },
    ...manifestsIn(path, folder),
    ...tagsIn(join(folder, 'tags')),
  }
}

type Path = (part: string, digest: string) => string

const manifestsIn = (path: Path, folder: string) => {
  const manifest = async (digest: string): Promise<ManifestFacts | undefined> => {
    const stored = await read(`${path('manifests', digest)}.json`)
    return stored === undefined ? undefined : (JSON.parse(stored, reviveDate) as ManifestFacts)
  }
  return {
    manifest,
    async addManifest(bytes: Buffer, mediaType: string, pushedAt: Date) {
      const digest = digestOf(bytes)
      const facts: ManifestFacts = { digest, mediaType, pushedAt, size: bytes.length }
      await replaceFile(path('manifests', digest), bytes)
      await replaceFile(`${path('manifests', digest)}.json`, JSON.stringify(facts))
      return digest
    },
    readManifest: (digest: string) => readFile(path('manifests', digest)),
    async manifests() {
      const names = await list(join(folder, 'manifests'))
      const digests = names
        .filter((name) => name.endsWith('.json'))
        .map((name) => name.slice(0, -5))
      const all = await Promise.all(digests.map(manifest))
      return all.filter((facts) => facts !== undefined)
    },
    async deleteManifest(digest: string) {
      await rm(`${path('manifests', digest)}.json`, { force: true })
      await rm(path('manifests', digest), { force: true })
    },
  }
}

const tagsIn = (folder: string) => ({
  tag: (name: string) => read(join(folder, name)),
  async tags() {
    const names = await list(folder)
    const digests = names.map(
      async (name) => [name, (await read(join(folder, name))) ?? ''] as const,
    )
    return new Map(await Promise.all(digests))
  },
  setTag: (name: string, digest: string) => replaceFile(join(folder, name), digest),
  deleteTag: (name: string) => rm(join(folder, name), { force: true }),
})

const readFacts = async (folder: string) => {
  const text = await read(join(folder, 'repository.json'))
  return text === undefined ? undefined : (JSON.parse(text, reviveDate) as RepositoryFacts)
}

const reviveDate = (key: string, value: unknown) =>
  key.endsWith('At') ? new Date(value as string) : value

const sizeOf = (file: string) =>
  stat(file).then(
    ({ size }) => size,
    () => undefined,
  )

const read = (file: string) => readFile(file, 'utf8').catch(() => undefined)

// Drafts of files that are being written have a dot in front.
const list = async (folder: string) => {
  const names = await readdir(folder).catch(() => [])
  return names.filter((name) => !name.startsWith('.'))
}

const replaceFile = async (file: string, content: string | Buffer) => {
  const draft = join(file, '..', `.${randomUUID()}`)
  await writeFile(draft, content)
  await rename(draft, file)
}
