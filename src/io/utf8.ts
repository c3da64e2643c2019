/** Text files that people write too: what is no UTF-8 would not come out as it went in. */

import { isUtf8 } from 'node:buffer'
import { UserError } from '../domain/errors.ts'

/** The text of a file's bytes. Throws a UserError that names file, line and column where it is none. */
export function decode(path: string, bytes: Buffer): string {
  const text = bytes.toString('utf8')
  if (isUtf8(bytes)) return text
  const before = text.slice(0, text.indexOf('\uFFFD')).split('\n')
  const at = `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`
  throw new UserError('FILE', `${path}: ${at}: expected text in UTF-8; mend it first`)
}
