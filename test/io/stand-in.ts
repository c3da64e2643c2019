/** A worker that does what its arguments say: counts what it is told, or ends. */

import { UserError } from '../../src/domain/errors.ts'
import { primaryOf } from '../../src/io/primary.ts'

const [how] = process.argv.slice(2)
const primary = primaryOf()
let reloads = 0
if (!primary) throw new Error('it is started by the tests of workers')
if (how === 'fail') {
  await primary.failed(new UserError('CONFIG', 'there is nothing to serve'))
  process.exit(1)
}
if (how === 'crash') process.exit(3)
primary.onReload(() => (reloads += 1))
primary.answer('reloads', () => reloads)
primary.answer('pid', () => process.pid)
primary.answer('nothing', () => undefined)
primary.answer('stuck', () => {
  if (reloads > 0) process.kill(process.pid, 'SIGSTOP')
  return 1
})
primary.ready([`http://127.0.0.1:${process.ppid}`])
if (how !== 'stubborn') {
  await primary.stopped
  process.exit(0)
}
