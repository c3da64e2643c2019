/** JSON files that people write: edited so that their layout stays. */

import { readFileSync } from 'node:fs'
import { applyEdits, type FormattingOptions, type JSONPath, modify } from 'jsonc-parser'
import { UserError } from '../domain/errors.ts'
import { parseJson } from './config.ts'
import { rewriteFile } from './files.ts'

/** A value to be put at a path; `undefined` takes away what is there. */
export type JsonEdit = { readonly path: readonly string[]; readonly value: unknown }

/** The text of a JSON file and its value; `undefined` where there is no file or nothing in it. */
export type JsonFile = { readonly text: string; readonly value: unknown }

/** Reads a file. Throws a UserError that names it and, where it is broken, line and column. */
export function readJsonFile(path: string): JsonFile | undefined {
  try {
    const text = readFileSync(path, 'utf8').replace(/^\uFEFF/, '')
    return text.trim() === '' ? undefined : { text, value: parseJson(path, text) }
  } catch (error) {
    if (error instanceof UserError) throw error
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new UserError('FILE', `${path}: can't be read (${code}); mend its permissions`)
  }
}

/** A text with edits in it. All that they do not touch stays as it is, to the byte. */
export function editJson(text: string, edits: readonly JsonEdit[]): string {
  const formattingOptions = layoutOf(text)
  return edits.reduce(
    (now, { path, value }) =>
      applyEdits(now, modify(now, path as JSONPath, value, { formattingOptions })),
    text,
  )
}

/** Writes a file as a whole. Throws a UserError where it can't. */
export function writeFileFor(path: string, content: string | Uint8Array, mode?: number): void {
  try {
    rewriteFile(path, content, mode)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    throw new UserError('FILE', `${path}: can't be written (${code}); check its folder`, {
      cause: error,
    })
  }
}

function layoutOf(text: string): FormattingOptions {
  const [, indent = '  '] = /\n([ \t]+)"/.exec(text) ?? []
  return {
    insertSpaces: !indent.startsWith('\t'),
    tabSize: indent.startsWith('\t') ? 1 : indent.length,
    eol: text.includes('\r\n') ? '\r\n' : '\n',
  }
}
