/** Packs the bundle and this Node into one file that runs by itself. */

import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import sea from '@yao-pkg/pkg/lib-es5/sea.js'
import { makeImage } from '../test/emulator/image.ts'
import { type Emulator, startEmulator } from '../test/emulator/emulator.ts'
import { logInTo } from '../test/emulator/running.ts'
import { bundleOf, LOADED, PACKED, type Part } from './bundle.ts'

/** The version of the target only names it: the Node that goes in is the one that runs this. */
export async function pack(output: string): Promise<void> {
  const platform = ({ linux: 'linux', darwin: 'macos', win32: 'win' } as const)[
    process.platform as 'linux'
  ]
  const arch = process.arch as 'x64' | 'arm64'
  const work = mkdtempSync(join(tmpdir(), 'ecr-cname-pack-'))
  try {
    await warmUp(work)
    const seaConfig = {
      disableExperimentalSEAWarning: true,
      useSnapshot: false,
      useCodeCache: true,
      // What passes through the sidecar dies young: a larger nursery takes memory and gains nothing.
      execArgv: ['--max-semi-space-size=2'],
      assets: Object.fromEntries(
        LOADED.flatMap((part) => [
          [`${part}.cjs`, resolve(bundleOf(part))],
          [`${part}.cache`, cacheOf(part, work)],
        ]),
      ),
    }
    await sea.default(PACKED, {
      nodePath: process.execPath,
      targets: [{ nodeRange: 'node26', platform, arch, output: resolve(output) }],
      seaConfig,
    })
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

type Env = Readonly<Record<string, string>>

/** What V8 keeps of a part. */
function cacheOf(part: Part, work: string): string {
  return join(work, `${part}.cache`)
}

// Each run finds the code of those before it, and adds its own.
async function warmUp(work: string): Promise<void> {
  const emulator = await startEmulator({ settings: { bucketHost: '127.0.0.1' } })
  const run = async (
    part: Part,
    env: Env,
    command: readonly string[],
    serverUrl = emulator.registry.host,
  ) => {
    const args = ['scripts/warm-up.ts', bundleOf(part), cacheOf(part, work), serverUrl, ...command]
    await promisify(execFile)(process.execPath, args, { env })
  }
  try {
    for (const kind of ['keys', 'container', 'imds'] as const) {
      const envOf = (part: Part) => {
        return { ...emulator.env(kind), ECR_CNAME_HOME: join(work, part, kind) }
      }
      await run('helper', envOf('helper'), ['get'])
      await run('commands', envOf('commands'), ['credential-helper', 'get'])
    }
    const env = imageEnv(emulator, work)
    // Without it the code that mints would be loaded at every pull, though one in many needs it.
    await run('helper', env, ['get'], HOST)
    for (const command of await imageCommands(emulator, work)) await run('images', env, command)
  } finally {
    await emulator.close()
  }
}

const HOST = 'docker.company.test'

function imageEnv(emulator: Emulator, work: string): Env {
  const { host, port } = emulator.registry
  const mapping = { registry: host, connect: `127.0.0.1:${port}` }
  const config = join(work, 'config.json')
  writeFileSync(config, JSON.stringify({ registries: { [HOST]: mapping } }))
  const home = join(work, 'images')
  return { ...emulator.env('keys'), ECR_CNAME_HOME: home, ECR_CNAME_CONFIG: config }
}

/** Pulls and pushes of an image, with and without what is there already. */
async function imageCommands(
  emulator: Emulator,
  work: string,
): Promise<readonly (readonly string[])[]> {
  await makeImage(emulator, await logInTo(emulator), 'app', IMAGE_SIZE)
  await emulator.createRepository('copy')
  const pull = ['pull', `${HOST}/app:1`, '--quiet', '-o']
  const push = ['push', join(work, 'folder'), `${HOST}/copy:1`, '--quiet']
  return [
    [...pull, join(work, 'folder'), '--format', 'oci'],
    [...pull, join(work, 'archive.tar')],
    push,
    push,
  ]
}

const IMAGE_SIZE = 10e6
