/**
 * The slow way as a process of its own, so that it is not as slow as who measures is busy.
 *
 *     node bench/way.ts ADDRESS DELAY_MS LOSS PORT...
 *
 * Listens on the address at each port, hands on to 127.0.0.1 at the same, and says so in a line.
 */

import { openWay } from './delay.ts'

const [address = '', delayMs, loss, ...ports] = process.argv.slice(2)
for (const port of ports.map(Number)) {
  const random = () => Math.random()
  await openWay(port, { address, port, delayMs: Number(delayMs), loss: Number(loss), random })
}
process.stdout.write('open\n')
