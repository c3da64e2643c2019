/** Programs that Debian packages. */

import { existsSync } from 'node:fs'
import { join } from 'node:path'

const FOLDERS = ['/usr/bin', '/usr/sbin', '/bin', '/sbin']

/** Why a program can't be run here, if so; where its package has another name, that is given. */
export function lackOf(program: string, debianPackage = program): string | undefined {
  if (FOLDERS.some((folder) => existsSync(join(folder, program)))) return undefined
  return `${program} missing: apt-get install ${debianPackage}`
}
