/**
 * Fills dist/: the npm package's JavaScript and types, the full binary, the helper.
 * `--all` adds dist/release: an archive for every platform, with SHA256SUMS.
 */

import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { bundle, PARTS } from './bundle.ts'
import { compileFront } from './compile-front.ts'
import { pack } from './pack.ts'
import { release } from './release.ts'

rmSync('dist', { recursive: true, force: true })
mkdirSync('dist/lib', { recursive: true })

await bundle()
chmodSync('dist/lib/cli.cjs', 0o755)
execFileSync('tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' })
// They are of CommonJS, as the bundle is, whatever the package is: else who requires it has no types.
writeFileSync('dist/lib/types/package.json', '{ "type": "commonjs" }\n')

await pack('dist/ecr-cname')
rmSync(PARTS, { recursive: true })

const lack = compileFront('dist/docker-credential-ecr-cname')
if (lack) {
  symlinkSync('ecr-cname', 'dist/docker-credential-ecr-cname')
  console.log(
    `dist/docker-credential-ecr-cname is a link to ecr-cname, which takes longer: ${lack}`,
  )
}

if (process.argv.includes('--all')) await release()
