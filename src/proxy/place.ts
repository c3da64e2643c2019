/** What a path of the registry API is about. Pure. */

import type { Right } from '../domain/allow.ts'

/** A repository, or what is beside repositories: the API itself, the catalog, anything else. */
export type Place =
  | { readonly kind: 'base' | 'catalog' | 'other' }
  | {
      readonly kind: 'manifests' | 'blobs' | 'uploads' | 'tags' | 'referrers'
      readonly repository: string
      /** What follows: a tag, a digest, an upload; "" where nothing does. */
      readonly reference: string
    }

// A name can hold parts that are called as these are, so the last of them counts.
const UPLOADS = /^(.+)\/blobs\/uploads(?:\/([^/]*))?$/
const IN_REPOSITORY = /^(.+)\/(manifests|blobs|tags|referrers)\/([^/]+)$/
const REPOSITORY = /^[a-z0-9._/-]+$/

/** The place of a path below /v2. */
export function placeOf(path: string): Place {
  const rest = path.slice('/v2/'.length)
  if (rest === '') return { kind: 'base' }
  if (rest === '_catalog') return { kind: 'catalog' }
  const [, uploading, upload = ''] = UPLOADS.exec(rest) ?? []
  if (uploading !== undefined) return inRepository('uploads', uploading, upload)
  const [, repository = '', kind, reference = ''] = IN_REPOSITORY.exec(rest) ?? []
  return inRepository(kind as 'tags' | undefined, repository, reference)
}

/** The rights of which a request needs one. */
export function rightsFor(method: string, { kind }: Place): readonly Right[] {
  // A push looks for what is there already, and how far an upload is.
  if (method === 'HEAD' || (method === 'GET' && kind === 'uploads')) return ['pull', 'push']
  return method === 'GET' || method === 'OPTIONS' ? ['pull'] : ['push']
}

// Encoded, a name could be one thing here and another there; no name needs that.
function inRepository(
  kind: 'manifests' | 'blobs' | 'uploads' | 'tags' | 'referrers' | undefined,
  repository: string,
  reference: string,
): Place {
  if (kind === undefined || !REPOSITORY.test(repository)) return { kind: 'other' }
  return { kind, repository, reference }
}
