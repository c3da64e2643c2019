/** What is to be changed, told before it is done. */

import { existsSync, readlinkSync, realpathSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { createTwoFilesPatch } from 'diff'
import { UserError } from '../domain/errors.ts'
import { readPlain } from '../io/plain-file.ts'
import { decode } from '../io/utf8.ts'

/** A file as it is to be. */
export type Change = {
  /** Absolute, below the root. */
  readonly path: string
  /** Without it the file goes. */
  readonly content: Buffer | undefined
  /** Of a file that is new; else it keeps its own. 0644 without. */
  readonly mode?: number
}

/** All that a setup changes, and what people have to know of it. */
export type Plan = {
  readonly changes: readonly Change[]
  /** One line each. */
  readonly notes: readonly string[]
  /** Commands to be run by hand when it is done. */
  readonly commands: readonly string[]
  /** One that has the engine read what changed, now and when it is taken back. */
  readonly restart?: string | undefined
}

/** What is in a file, if it is there. A UserError where it is not for us to read. */
export function contentOf(path: string): Buffer | undefined {
  try {
    return existsSync(path) ? readPlain(path) : undefined
  } catch (error) {
    if (error instanceof UserError) throw error
    const { code } = error as NodeJS.ErrnoException
    const hint = code === 'EACCES' ? 'run it as root' : 'see what is in its way'
    throw new UserError('FILE', `${path}: can't be read (${code}); ${hint}`, { cause: error })
  }
}

/** The text in a file; empty where there is none. A UserError where it is not for us to read, or no text. */
export function textOf(path: string): string {
  const content = contentOf(path)
  return content ? decode(path, content) : ''
}

/** The file that a path leads to, through links; of a link to nothing, the file that it waits for. */
export function realPath(path: string, links = 40): string {
  if (existsSync(path)) return realpathSync(path)
  const target = links > 0 ? linkAt(path) : undefined
  return target === undefined ? path : realPath(resolve(dirname(path), target), links - 1)
}

function linkAt(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}

/** The changes of a plan that change anything. */
export function pendingOf({ changes }: Plan): readonly Change[] {
  return changes.filter(({ path, content }) => {
    const before = contentOf(path)
    return content === undefined ? before !== undefined : !before?.equals(content)
  })
}

/** A unified diff of the files, without what is secret in them. */
export function show(changes: readonly Change[]): string {
  return changes.map(toDiff).join('')
}

function toDiff({ path, content }: Change): string {
  const before = contentOf(path)
  if ([before, content].some((bytes) => bytes?.includes(0))) {
    const what = content === undefined ? 'removed' : `${content.length} bytes`
    return `--- ${before ? path : '/dev/null'}\n+++ ${path}: binary, ${what}\n`
  }
  const [old, next] = [before, content].map((bytes) =>
    withoutSecrets(bytes?.toString('utf8') ?? ''),
  )
  const names = [before ? path : '/dev/null', content ? path : '/dev/null'] as const
  const patch = createTwoFilesPatch(...names, old!, next!, undefined, undefined, { context: 3 })
  return patch.replace(/^(?:Index: .*\n)?=+\n/, '').replaceAll(/^(---|\+\+\+) (.*)\t.*$/gm, '$1 $2')
}

// Docker's own keys for what is as good as a password.
function withoutSecrets(text: string): string {
  return text.replaceAll(
    /("(?:auth|password|secret|identitytoken|registrytoken)"\s*:\s*")[^"]*"/gi,
    '$1…"',
  )
}
