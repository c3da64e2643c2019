/**
 * Fills dist/: the npm package's JavaScript and types, the full binary, the helper.
 * `--all` adds dist/release: an archive for every platform, with SHA256SUMS.
 */

import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { build } from 'esbuild'
import { compileFront } from './compile-front.ts'
import { pack } from './pack.ts'
import { release } from './release.ts'

rmSync('dist', { recursive: true, force: true })
mkdirSync('dist/lib', { recursive: true })

await build({
  entryPoints: ['src/main.ts', 'src/cli.ts', 'src/index.ts'],
  outdir: 'dist/lib',
  outExtension: { '.js': '.cjs' },
  bundle: true,
  platform: 'node',
  format: 'cjs',
  external: ['./main.cjs'],
  target: 'node22.12',
  mainFields: ['module', 'main'],
  minify: true,
  // A dynamic import of node:http reads every export and with them loads undici: 30 ms a mint.
  supported: { 'dynamic-import': false },
  legalComments: 'external',
  logLevel: 'warning',
})
chmodSync('dist/lib/cli.cjs', 0o755)
execFileSync('tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' })

await pack('dist/ecr-cname')

const lack = compileFront('dist/docker-credential-ecr-cname')
if (lack) {
  symlinkSync('ecr-cname', 'dist/docker-credential-ecr-cname')
  console.log(
    `dist/docker-credential-ecr-cname is a link to ecr-cname, which takes longer: ${lack}`,
  )
}

if (process.argv.includes('--all')) await release()
