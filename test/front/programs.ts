/** The native front, and its reference: the same source on Node. */

import { constants, copyFileSync, lstatSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { FRONT } from '../support/program.ts'

export type Program = {
  /** A file that can be linked to any place: the program finds the full one beside itself. */
  readonly file: string
  readonly args: readonly string[]
}

/** The native front that `npm run build` made. */
export function nativeFront(folder: string): Program {
  const file = join(folder, 'native')
  copyFileSync(FRONT, file)
  return { file, args: [] }
}

/** Why there is no native front to test, if so. */
export function whyNoFront(): string | undefined {
  const isLink = lstatSync(FRONT, { throwIfNoEntry: false })?.isSymbolicLink() ?? true
  return isLink
    ? `${FRONT} is a link to the full program: no C linker when it was built`
    : undefined
}

/** Bundled, which loads in a third of the time. */
export async function referenceFront(folder: string): Promise<Program> {
  const script = join(folder, 'front.cjs')
  await build({
    entryPoints: ['src/front/program.ts'],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    outfile: script,
  })
  const file = join(folder, 'node')
  copyFileSync(process.execPath, file, constants.COPYFILE_FICLONE)
  return { file, args: [script] }
}
