/**
 * Makes the npm package out of dist/lib. What it is built with stays behind: its dependencies are
 * in the bundle, and a Node among them would take the place of the user's own.
 */

import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import packageJson from '../package.json' with { type: 'json' }

const OURS = ['private', 'scripts', 'devDependencies', 'optionalDependencies']
const published = Object.fromEntries(
  Object.entries(packageJson).filter(([key]) => !OURS.includes(key)),
)

rmSync('dist/npm', { recursive: true, force: true })
mkdirSync('dist/npm/dist', { recursive: true })
writeFileSync('dist/npm/package.json', `${JSON.stringify(published, null, 2)}\n`)
cpSync('dist/lib', 'dist/npm/dist/lib', { recursive: true })
for (const file of ['README.md', 'LICENSE', 'CHANGELOG.md', 'config.schema.json']) {
  cpSync(file, `dist/npm/${file}`)
}
execFileSync('npm', ['pack', '--pack-destination', '..'], { cwd: 'dist/npm', stdio: 'inherit' })
