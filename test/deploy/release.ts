/** An archive of the form that releases have, with a small program in place of both. */

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

// What is seen of setup: an engine is set up once.
export const PROGRAM = `#!/bin/sh
mark=$(dirname "$0")/$2.done
[ -e "$mark" ] && echo 'all of it is set up already' >&2
echo "$@" >"$mark"
`

export function makeRelease(folder: string) {
  const name = 'ecr-cname-0.1.0-linux-x64'
  mkdirSync(join(folder, name))
  for (const program of ['ecr-cname', 'docker-credential-ecr-cname']) {
    writeFileSync(join(folder, name, program), PROGRAM, { mode: 0o755 })
  }
  writeFileSync(join(folder, name, 'LICENSE'), '')
  const archive = join(folder, `${name}.tar.gz`)
  execFileSync('tar', ['-czf', archive, '-C', folder, name])
  const sum = createHash('sha256').update(readFileSync(archive)).digest('hex')
  return { archive, sum }
}
