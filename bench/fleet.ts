/**
 * What a fleet of hosts asks of AWS in a day: the tables of docs/fleet.md.
 *
 *     node bench/fleet.ts [--write]
 *
 * A simulation on the code that tells when a token is renewed; the same numbers each time. With
 * `--write` they are put into docs/fleet.md.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { fleetTable, refreshTable } from './fleet-report.ts'

const DOCUMENT = 'docs/fleet.md'

const tables = { fleet: await fleetTable(), refresh: refreshTable() }
process.stdout.write(`${tables.fleet}\n${tables.refresh}`)

if (process.argv.includes('--write')) {
  const text = Object.entries(tables).reduce(
    (document, [name, table]) =>
      document.replace(
        new RegExp(`(<!-- ${name} -->\n).*?(<!-- end -->)`, 's'),
        (_, before: string, after: string) => `${before}\n${table}\n${after}`,
      ),
    readFileSync(DOCUMENT, 'utf8'),
  )
  writeFileSync(DOCUMENT, text)
}
