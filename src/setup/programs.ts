/** Our own programs, as files for another place. */

import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { UserError } from '../domain/errors.ts'
import type { Environment } from '../front/places.ts'
import { findProgram } from '../io/programs.ts'

/** Path and leading arguments that start this program. */
export type Self = readonly [string, ...string[]]

/** The full program. One that Node runs is called from where it is, by a script. */
export function ownProgram(self: Self, isHere: boolean): Buffer {
  if (self.length === 1) return readFileSync(self[0])
  if (!isHere) {
    const message = 'only the binary can be put below --root, and this is the npm package'
    throw new UserError('USAGE', message)
  }
  const words = self.map((word) => `'${word.replaceAll("'", `'\\''`)}'`)
  return Buffer.from(`#!/bin/sh\nexec ${words.join(' ')} "$@"\n`)
}

const HELPER = 'docker-credential-ecr-cname'

/** The small helper, beside the full program or on PATH. */
export function ownHelper([program]: Self, env: Environment): Buffer {
  const beside = join(dirname(program), HELPER)
  const found = existsSync(beside) ? beside : findProgram(HELPER, env)
  if (found !== undefined) return readFileSync(found)
  throw new UserError('FILE', `${HELPER} is neither beside ${program} nor on PATH; put it there`)
}
