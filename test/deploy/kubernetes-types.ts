/** Checks manifests against the Kubernetes API: as types, in which an unknown field is an error too. */

import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Manifest } from './files.ts'

const COMPILER = resolve('node_modules/.bin/tsc')
const OPTIONS = {
  strict: true,
  noEmit: true,
  module: 'preserve',
  types: [],
  paths: { 'kubernetes-types/*': [resolve('node_modules/kubernetes-types/*')] },
}

/** What is wrong with the manifests of each file, told as the compiler does; empty where nothing is. */
export function checkTypes(
  folder: string,
  files: Readonly<Record<string, readonly Manifest[]>>,
): string {
  for (const [file, manifests] of Object.entries(files)) {
    const source = manifests.map(toTypeScript).join('\n')
    writeFileSync(join(folder, `${file.replaceAll('/', '.')}.ts`), source)
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: OPTIONS }))
  return spawnSync(COMPILER, ['--pretty', 'false'], { cwd: folder, encoding: 'utf8' }).stdout
}

function toTypeScript(manifest: Manifest, index: number): string {
  const { apiVersion, kind } = manifest
  const module = apiVersion === 'v1' ? 'core/v1' : apiVersion.replace(/(\.[a-z]+)*\.k8s\.io\//, '/')
  const type = `import('kubernetes-types/${module}').${kind}`
  return `export const manifest${index}: ${type} = ${JSON.stringify(manifest, null, 2)}`
}
