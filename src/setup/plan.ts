/** What is to be changed, told before it is done. */

import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { createTwoFilesPatch } from 'diff'

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
  /** Commands to be run by hand when it is done, such as a restart. */
  readonly commands: readonly string[]
}

/** What is in a file, if it is there. */
export function contentOf(path: string): Buffer | undefined {
  return existsSync(path) ? readFileSync(path) : undefined
}

/** The file that a path leads to, through links. */
export function realPath(path: string): string {
  return existsSync(path) ? realpathSync(path) : path
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
    return `--- ${path}\n+++ ${path}: binary, ${what}\n`
  }
  const [old, next] = [before, content].map((bytes) =>
    withoutSecrets(bytes?.toString('utf8') ?? ''),
  )
  const names = [before ? path : '/dev/null', content ? path : '/dev/null'] as const
  const patch = createTwoFilesPatch(...names, old!, next!, undefined, undefined, { context: 3 })
  return patch.replace(/^=+\n/, '').replaceAll(/^(---|\+\+\+) (.*)\t.*$/gm, '$1 $2')
}

// Docker's own keys for what is as good as a password.
function withoutSecrets(text: string): string {
  return text.replaceAll(
    /("(?:auth|password|secret|identitytoken|registrytoken)"\s*:\s*")[^"]*"/gi,
    '$1…"',
  )
}
