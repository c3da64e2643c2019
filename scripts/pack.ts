/** Packs the bundle and a Node into one file that runs by itself. */

import { resolve } from 'node:path'
import sea from '@yao-pkg/pkg/lib-es5/sea.js'

export type PackOptions = {
  readonly output: string
  /** The Node binary that goes into the file. */
  readonly nodePath: string
  /** Compiled code is only of use to the very Node that compiled it. */
  readonly useCodeCache: boolean
  readonly platform?: 'linux' | 'macos' | 'win'
  readonly arch?: 'x64' | 'arm64'
}

export async function pack(options: PackOptions): Promise<void> {
  const { output, nodePath, useCodeCache, platform = 'linux', arch = 'x64' } = options
  await sea.default('dist/lib/main.cjs', {
    nodePath,
    targets: [{ nodeRange: 'node26', platform, arch, output: resolve(output) }],
    seaConfig: { disableExperimentalSEAWarning: true, useSnapshot: false, useCodeCache },
  })
}
