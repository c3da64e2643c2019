/** Packs the bundle and this Node into one file that runs by itself. */

import { resolve } from 'node:path'
import sea from '@yao-pkg/pkg/lib-es5/sea.js'

/** The version of the target only names it: the Node that goes in is the one that runs this. */
export async function pack(output: string): Promise<void> {
  const platform = ({ linux: 'linux', darwin: 'macos', win32: 'win' } as const)[
    process.platform as 'linux'
  ]
  const arch = process.arch as 'x64' | 'arm64'
  await sea.default('dist/lib/main.cjs', {
    nodePath: process.execPath,
    targets: [{ nodeRange: 'node26', platform, arch, output: resolve(output) }],
    seaConfig: { disableExperimentalSEAWarning: true, useSnapshot: false, useCodeCache: true },
  })
}
