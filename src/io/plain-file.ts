/** Files of engines and people, read without trusting that they are files: a FIFO is waited on for ever. */

import { readFileSync, realpathSync, type Stats, statSync } from 'node:fs'
import { devNull } from 'node:os'
import { UserError } from '../domain/errors.ts'

/**
 * The bytes of a file; none of /dev/null, which stands for an empty one. Throws a UserError where
 * it is no file, and what node:fs throws.
 */
export function readPlain(path: string): Buffer {
  const facts = statSync(path)
  if (facts.isFile() || facts.isDirectory()) return readFileSync(path)
  if (realpathSync(path) === devNull) return Buffer.alloc(0)
  throw noFile(path, facts, 'move it away')
}

/** The refusal of what is neither a file nor a folder, with what to do next. */
export function noFile(path: string, facts: Stats, hint: string): UserError {
  return new UserError('FILE', `${path}: is ${kindOf(facts)}, expected a file; ${hint}`)
}

function kindOf(facts: Stats): string {
  if (facts.isFIFO()) return 'a FIFO'
  return facts.isSocket() ? 'a socket' : 'a device'
}
