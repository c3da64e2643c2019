/**
 * `node scripts/warm-up.ts BUNDLE CACHE SERVER-URL COMMAND...`: runs a command of a bundle, the server
 * URL on its stdin, and keeps what V8 has compiled by then. Node's own code cache for a packed program
 * is made of code that has not run, so all that is called would be compiled at every start.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { World } from '../src/commands/command.ts'
import type * as helper from '../src/commands/helper.ts'
import type * as images from '../src/commands/images/run.ts'
import type * as commands from '../src/commands/run.ts'
import { load, toScript } from './compiled.ts'

const [bundle = '', cache = '', serverUrl = '', ...command] = process.argv.slice(2)
const name = command.join(' ')
const script = toScript(
  readFileSync(bundle, 'latin1'),
  existsSync(cache) ? readFileSync(cache) : undefined,
)
if (script.cachedDataRejected) throw new Error('what the run before this one kept is of no use')
const part = load(script) as Partial<typeof commands & typeof helper & typeof images>
const world: World = {
  env: process.env,
  readInput: () => Buffer.from(serverUrl),
  stdout: () => {},
  stdoutBytes: () => {},
  stderr: (text) => process.stderr.write(text),
  stdoutIsTerminal: false,
  stderrColumns: undefined,
  ask: async () => undefined,
  now: () => Date.now(),
  random: () => Math.random(),
  self: [process.execPath],
  after: () => () => {},
  onHangup: () => {},
  stop: new AbortController().signal,
}
const run = part.runHelper ?? part.runImages ?? part.run
const status = await run?.(command, world)
if (status !== 0) throw new Error(`the warm-up failed at: ${name}`)
writeFileSync(cache, script.createCachedData())
// The SDK may keep connections open.
process.exit()
