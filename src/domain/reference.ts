/** References to images: `host[:port]/repository[:tag][@digest]`. */

import { UserError } from './errors.ts'
import { readServerUrl } from './names.ts'
import type { Asked } from './server-url.ts'

/** An image in a registry, or with neither tag nor digest a repository. */
export type Reference = {
  /** The registry's name as it was written, in lower case. */
  readonly name: string
  readonly asked: Asked
  readonly repository: string
  readonly tag?: string
  readonly digest?: string
}

// https://github.com/distribution/reference/blob/main/regexp.go
const COMPONENT = /^[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*$/
const TAG = /^\w[\w.-]{0,127}$/
const DIGEST = /^sha256:[0-9a-f]{64}$/
const EXAMPLE = 'docker.company.com/team/app:1.0'

/** Reads a reference. A UserError of code USAGE says what is wrong with it, and where. */
export function parseReference(text: string): Reference {
  const slash = text.indexOf('/')
  if (/^[a-z]+:\/\//i.test(text)) throw wrong(text, 0, 'leave the scheme out')
  if (slash === -1) {
    throw wrong(text, text.length, 'a registry and a repository are to be named')
  }
  const name = text.slice(0, slash)
  const asked = readRegistry(name)
  if (!asked) throw wrong(text, 0, `${JSON.stringify(name)} is no registry's host name`)
  const { repository, tag, digest } = split(text, slash + 1)
  checkRepository(text, repository, slash + 1)
  if (tag && !TAG.test(tag.text)) {
    throw wrong(text, tag.at, 'a tag has letters, digits, ".", "_" and "-", 128 at most')
  }
  if (digest && !DIGEST.test(digest.text)) {
    throw wrong(text, digest.at, 'a digest is sha256: and 64 hexadecimal digits')
  }
  return {
    name: name.toLowerCase(),
    asked,
    repository,
    ...(tag && { tag: tag.text }),
    ...(digest && { digest: digest.text }),
  }
}

/** Whether a text is a digest as registries write it. */
export function isDigest(text: string): boolean {
  return DIGEST.test(text)
}

/** The reference as it is written. */
export function formatReference({ name, repository, tag, digest }: Reference): string {
  return `${name}/${repository}${tag ? `:${tag}` : ''}${digest ? `@${digest}` : ''}`
}

// As docker tells a registry from the first part of a repository.
function readRegistry(name: string): Asked | undefined {
  const isHost = name.includes('.') || name.includes(':') || name.toLowerCase() === 'localhost'
  return isHost ? readServerUrl(name) : undefined
}

type Part = { readonly text: string; readonly at: number }

function split(text: string, start: number) {
  const at = text.indexOf('@', start)
  const end = at === -1 ? text.length : at
  const colon = text.lastIndexOf(':', end - 1)
  const hasTag = colon > text.lastIndexOf('/', end - 1)
  const digest: Part | undefined = at === -1 ? undefined : { text: text.slice(at + 1), at: at + 1 }
  const tag: Part | undefined = hasTag
    ? { text: text.slice(colon + 1, end), at: colon + 1 }
    : undefined
  return { repository: text.slice(start, hasTag ? colon : end), tag, digest }
}

function checkRepository(text: string, repository: string, start: number): void {
  let at = start
  for (const component of repository.split('/')) {
    if (!COMPONENT.test(component)) {
      const reason = /[A-Z]/.test(component)
        ? 'repositories are in lower case'
        : 'a repository has lower-case letters and digits, with ".", "_", "-" and "/" between them'
      throw wrong(text, at, reason)
    }
    at += component.length + 1
  }
  if (repository.length > 256) throw wrong(text, start, 'a repository has 256 characters at most')
}

function wrong(text: string, at: number, reason: string): UserError {
  const place = `character ${at + 1}`
  return new UserError(
    'USAGE',
    `${JSON.stringify(text)}: ${place}: ${reason}; write it as in ${EXAMPLE}`,
  )
}
