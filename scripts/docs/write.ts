/** `npm run docs`: writes the documents that are made from the table of the commands. */

import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { commands } from '../../src/commands/table.ts'
import { pagesOf } from './pages.ts'

rmSync('docs/man', { recursive: true, force: true })
for (const [path, text] of pagesOf(commands)) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}
