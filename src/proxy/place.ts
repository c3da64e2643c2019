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

const IN_REPOSITORY = ['manifests', 'blobs', 'tags', 'referrers'] as const
const UPLOADS = '/blobs/uploads'
const REPOSITORY = /^[a-z0-9._/-]+$/

/** The place of a path below /v2. */
// A name can hold parts that are called as these are, so it is read from its end.
export function placeOf(path: string): Place {
  const rest = path.slice('/v2/'.length)
  if (rest === '') return { kind: 'base' }
  if (rest === '_catalog') return { kind: 'catalog' }
  if (rest.endsWith(UPLOADS)) return inRepository('uploads', rest.slice(0, -UPLOADS.length), '')
  const slash = Math.max(0, rest.lastIndexOf('/'))
  const place = rest.slice(0, slash)
  const last = rest.slice(slash + 1)
  if (place.endsWith(UPLOADS)) return inRepository('uploads', place.slice(0, -UPLOADS.length), last)
  for (const kind of IN_REPOSITORY) {
    if (last === '' || !place.endsWith(`/${kind}`)) continue
    return inRepository(kind, place.slice(0, -kind.length - 1), last)
  }
  return { kind: 'other' }
}

/** The rights of which a request needs one. */
export function rightsFor(method: string, { kind }: Place): readonly Right[] {
  // A push looks for what is there already, and how far an upload is.
  if (method === 'HEAD' || (method === 'GET' && kind === 'uploads')) return ['pull', 'push']
  return method === 'GET' || method === 'OPTIONS' ? ['pull'] : ['push']
}

// Encoded, a name could be one thing here and another there; no name needs that.
function inRepository(
  kind: 'manifests' | 'blobs' | 'uploads' | 'tags' | 'referrers',
  repository: string,
  reference: string,
): Place {
  if (!REPOSITORY.test(repository)) return { kind: 'other' }
  return { kind, repository, reference }
}
