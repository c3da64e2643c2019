/** What a push reads: the images of an OCI layout or of a docker archive, and which one is meant. */

import { UserError } from '../domain/errors.ts'
import { type Files, openFiles, type Place } from './files.ts'
import { DOCKER_FILE, INDEX_FILE } from './layout.ts'
import type { Document } from './manifest.ts'
import { openLayout } from './oci-layout.ts'
import type { Platform } from './platform.ts'

/** A blob, and where it is. One that is made on the way has no digest before. */
export type Blob = { readonly digest: string; readonly size: number; readonly place: Place }

/** What has to be in the registry, in the order in which manifests go there: the last names all. */
export type Cargo = {
  readonly blobs: readonly Blob[]
  readonly documents: readonly Document[]
}

/** An image of an archive; its blobs are known once it is opened. */
export type SourceImage = {
  readonly names: readonly string[]
  /** The digest of its manifest, where the archive tells. */
  readonly digest: string | undefined
  readonly open: (options: OpenOptions) => Promise<Cargo>
}

export type OpenOptions = {
  readonly platform: Platform | undefined
  readonly signal: AbortSignal
  /** A folder for what is made on the way. */
  readonly folder: () => Promise<string>
}

/** The images of a file or folder, each once; `name` is what the user calls it. */
export async function openSource(path: string, name = path): Promise<readonly SourceImage[]> {
  const files = await openFiles(path, name)
  const layout = files.follow(INDEX_FILE) && openLayout(files)
  // docker save leaves layers as they are unpacked, which no registry wants.
  if (files.find(DOCKER_FILE) && !(layout && layout.isPacked)) {
    const { openDockerArchive } = await import('./docker-archive.ts')
    return openDockerArchive(files)
  }
  if (layout) return layout.images
  throw noImage(files)
}

/** The one image that is meant. A UserError names those that there are. */
export function pickImage(
  images: readonly SourceImage[],
  wanted: string | undefined,
  path: string,
): SourceImage {
  const fitting =
    wanted === undefined ? images : images.filter((image) => namesOf(image).some(isNamed(wanted)))
  const [first, ...more] = fitting
  if (first && more.length === 0) return first
  if (images.length === 0) throw new UserError('IMAGE', `${path}: no image is in it`)
  const names = images.flatMap(namesOf)
  const choice = names.length > 0 ? `choose with --tag: ${names.join(', ')}` : 'they have no names'
  const reason = first ? 'several images are in it' : `no image in it is called ${wanted ?? ''}`
  throw new UserError('IMAGE', `${path}: ${reason}; ${choice}`)
}

// One that nobody has named has its digest.
function namesOf({ names, digest }: SourceImage): readonly string[] {
  return names.length === 0 && digest !== undefined ? [digest] : names
}

// By its whole name, without what stands before it (podman's `localhost/`), or by its tag alone.
function isNamed(wanted: string): (name: string) => boolean {
  return (name) =>
    name === wanted ||
    (wanted.includes(':') && name.endsWith(`/${wanted}`)) ||
    name.slice(name.lastIndexOf(':') + 1) === wanted
}

function noImage({ path }: Files): UserError {
  return new UserError(
    'IMAGE',
    `${path}: no image is in it, for it has neither ${INDEX_FILE} nor ${DOCKER_FILE}`,
  )
}
