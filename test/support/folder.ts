/** A real folder for one test, or for a file of them. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, onTestFinished } from 'vitest'

export function temporaryFolder(): string {
  const folder = make()
  onTestFinished(() => remove(folder))
  return folder
}

/** Called outside of tests: stays until the last test of the file has ended. */
export function suiteFolder(): string {
  const folder = make()
  afterAll(() => remove(folder))
  return folder
}

function make(): string {
  return mkdtempSync(join(tmpdir(), 'ecr-cname-test-'))
}

function remove(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
}
