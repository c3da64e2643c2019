/** A user without any rights. */

import { chownSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

const NOBODY = 65534

/** Goes on as nobody until the test has ended, and gives them a folder with all in it. */
export function becomeNobody(folder: string): void {
  if (process.geteuid?.() !== 0) return
  for (const name of ['', ...readdirSync(folder, { recursive: true }).map(String)]) {
    chownSync(join(folder, name), NOBODY, NOBODY)
  }
  process.setegid?.(NOBODY)
  process.seteuid?.(NOBODY)
  onTestFinished(() => {
    process.seteuid?.(0)
    process.setegid?.(0)
  })
}
