/** Packs the bundle and this Node into one file that runs by itself. */

import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import sea from '@yao-pkg/pkg/lib-es5/sea.js'
import { startEmulator } from '../test/emulator/emulator.ts'
import { PACKED } from './bundle.ts'

/** The version of the target only names it: the Node that goes in is the one that runs this. */
export async function pack(output: string): Promise<void> {
  const platform = ({ linux: 'linux', darwin: 'macos', win32: 'win' } as const)[
    process.platform as 'linux'
  ]
  const arch = process.arch as 'x64' | 'arm64'
  const work = mkdtempSync(join(tmpdir(), 'ecr-cname-pack-'))
  try {
    const parts = { helper: resolve(PACKED.helper), commands: resolve(PACKED.commands) }
    const caches = await warmUp(parts, work)
    await sea.default(PACKED.main, {
      nodePath: process.execPath,
      targets: [{ nodeRange: 'node26', platform, arch, output: resolve(output) }],
      seaConfig: {
        disableExperimentalSEAWarning: true,
        useSnapshot: false,
        useCodeCache: true,
        assets: {
          'helper.cjs': parts.helper,
          'helper.cache': caches.helper,
          'commands.cjs': parts.commands,
          'commands.cache': caches.commands,
        },
      },
    })
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

type Parts = { readonly helper: string; readonly commands: string }

// Each run finds the code of those before it, and adds its own.
async function warmUp(parts: Parts, work: string): Promise<Parts> {
  const caches = { helper: join(work, 'helper.cache'), commands: join(work, 'commands.cache') }
  const emulator = await startEmulator()
  try {
    for (const kind of ['keys', 'container', 'imds'] as const) {
      for (const part of ['helper', 'commands'] as const) {
        const env = { ...emulator.env(kind), ECR_CNAME_HOME: join(work, part, kind) }
        const args = ['scripts/warm-up.ts', parts[part], caches[part]]
        await promisify(execFile)(process.execPath, args, { env })
      }
    }
  } finally {
    await emulator.close()
  }
  return caches
}
