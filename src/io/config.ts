/** Reads the configuration from its files and from ECR_CNAME_MAP. */

import { type ParseError, parseTree } from 'jsonc-parser'
import { type Config, mergeConfig, type Source } from '../domain/config.ts'
import { UserError } from '../domain/errors.ts'
import { configFiles, type Environment } from '../front/places.ts'
import { readPlain } from './plain-file.ts'

/**
 * The configuration of this environment. Throws a UserError of code CONFIG that names the file,
 * the key or the position in it, and what was expected.
 */
export function loadConfig(env: Environment): Config {
  return mergeConfig(readSources(env))
}

/** What the configuration is merged from, the later ones winning. Throws as `loadConfig` does. */
export function readSources(env: Environment): readonly Source[] {
  const files = configFiles(env).flatMap((path) =>
    readSource(path, path === env['ECR_CNAME_CONFIG']),
  )
  const map = env['ECR_CNAME_MAP'] ?? ''
  return map === '' ? files : [...files, readMap(map)]
}

function readSource(path: string, isNamed: boolean): readonly Source[] {
  let text: string
  try {
    text = readPlain(path).toString('utf8')
  } catch (error) {
    if (error instanceof UserError) throw error
    const code = (error as NodeJS.ErrnoException).code ?? ''
    if (!isNamed && (code === 'ENOENT' || code === 'ENOTDIR')) return []
    throw new UserError(
      'CONFIG',
      `${path}: can't be read (${code}); mend the file or its permissions`,
    )
  }
  return [{ where: path, value: parseJson(path, text.replace(/^\uFEFF/, '')) }]
}

/**
 * The value of a JSON text. Throws a UserError of code CONFIG that names the position: the parser's
 * own message quotes the text, which may hold what should not be shown.
 */
export function parseJson(path: string, text: string): unknown {
  const deep = tooDeepAt(text)
  if (deep !== undefined) {
    const reason = `expected at most ${DEEPEST} levels, one within another`
    throw new UserError('CONFIG', `${path}: ${placeIn(text, deep)}: ${reason}`)
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    const place = placeIn(text, offsetOf(error as Error, text))
    throw new UserError('CONFIG', `${path}: ${place}: expected JSON`)
  }
}

function placeIn(text: string, offset: number): string {
  const before = text.slice(0, offset).split('\n')
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`
}

// What walks through a value calls itself for each level, and the stack has an end.
const DEEPEST = 500

/** Where a text goes deeper than that, whether it is JSON or not. */
function tooDeepAt(text: string): number | undefined {
  let depth = 0
  let isQuoted = false
  for (let at = 0; at < text.length; at++) {
    const char = text[at]
    if (char === '\\') at++
    else if (char === '"') isQuoted = !isQuoted
    else if (isQuoted) continue
    else if (char === '{' || char === '[') depth++
    else if (char === '}' || char === ']') depth--
    if (depth > DEEPEST) return at
  }
  return undefined
}

// Of a token that it did not expect JSON.parse tells no position.
function offsetOf({ message }: Error, text: string): number {
  const [, position] = /position (\d+)/.exec(message) ?? []
  if (position !== undefined) return Number(position)
  const errors: ParseError[] = []
  if (message.startsWith('Unexpected token')) parseTree(text, errors)
  return errors[0]?.offset ?? text.length
}

function readMap(map: string): Source {
  const pairs = map.split(',').filter((pair) => pair.trim() !== '')
  const registries = Object.fromEntries(
    pairs.map((pair) => {
      const [host = '', registry, ...more] = pair.split('=').map((part) => part.trim())
      if (!registry || more.length > 0) {
        throw new UserError(
          'CONFIG',
          `ECR_CNAME_MAP: expected host=registry,…, got "${pair.trim()}"`,
        )
      }
      return [host, registry]
    }),
  )
  return { where: 'ECR_CNAME_MAP', value: { registries } }
}
