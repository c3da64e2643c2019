/** Digests, as registries write them. */

import { createHash, type Hash } from 'node:crypto'

/** The digest of bytes. */
export function digestOf(bytes: Buffer): string {
  return digestIn(createHash('sha256').update(bytes))
}

/** A digest to be fed piece by piece. */
export function openDigest(): Hash {
  return createHash('sha256')
}

/** What a digest has come to. */
export function digestIn(hash: Hash): string {
  return `sha256:${hash.digest('hex')}`
}

/** The digits alone, which name files. */
export function hexOf(digest: string): string {
  return digest.replace(/^sha256:/, '')
}

/** Enough of a digest to tell it from others in a line. */
export function shortOf(digest: string): string {
  return hexOf(digest).slice(0, 12)
}
