/** Writes the tables of deploy/terraform/README.md out of the modules: node scripts/terraform/write-readme.ts */

import { readFileSync, writeFileSync } from 'node:fs'
import { documented } from './documented.ts'

const README = 'deploy/terraform/README.md'

const text = readFileSync(README, 'utf8').replaceAll(
  /<!-- (\S+) -->\n.*?<!-- end -->/gs,
  (_, name: string) => {
    const { inputs, outputs } = documented(name)
    const tables = [
      ['| input | required | |', '| --- | --- | --- |', ...inputs],
      ['| output | |', '| --- | --- |', ...outputs],
    ]
    return `<!-- ${name} -->\n\n${tables.map((table) => table.join('\n')).join('\n\n')}\n\n<!-- end -->`
  },
)
writeFileSync(README, text)
