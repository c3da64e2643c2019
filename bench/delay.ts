/** A way that takes its time and loses some of what goes over it, as far as a client can tell. */

import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export type Way = { readonly port: number; readonly close: () => void }

export type WayOptions = {
  /** Where it is; on 127.0.0.1 and any free port unless given. */
  readonly address?: string
  readonly port?: number
  /** One way. */
  readonly delayMs: number
  /** The share of segments that is lost; what is lost comes a retransmission timeout later. */
  readonly loss: number
  /** From 0 to below 1. */
  readonly random: () => number
}

const SEGMENT = 1460
// The least of Linux (TCP_RTO_MIN), and never less than a round trip.
const RTO_MS = 200
const CHUNK = 64 * 1024

/**
 * Listens before a port. All that is behind a loss waits for it, as in TCP; those of one batch of
 * 64 KiB are made good at once. Nothing else of congestion control is here.
 */
export async function openWay(to: number, options: WayOptions): Promise<Way> {
  const server = createServer((client) => {
    const upstream = connect({ port: to, host: '127.0.0.1', noDelay: true })
    client.setNoDelay(true)
    carry(client, upstream, options)
    carry(upstream, client, options)
  })
  await new Promise<void>((done) =>
    server.listen(options.port ?? 0, options.address ?? '127.0.0.1', done),
  )
  return { port: (server.address() as AddressInfo).port, close: () => void server.close() }
}

function carry(from: Socket, to: Socket, { delayMs, loss, random }: WayOptions): void {
  const rtoMs = Math.max(RTO_MS, 2 * delayMs)
  let due = 0
  const waiting: { readonly at: number; readonly act: () => void }[] = []
  // In their order: timers of different lengths keep none.
  const pump = () => {
    for (let [first] = waiting; first && first.at <= performance.now(); [first] = waiting) {
      waiting.shift()
      first.act()
    }
    const [next] = waiting
    if (next) setTimeout(pump, Math.max(1, next.at - performance.now()))
  }
  const later = (act: () => void) => {
    due = Math.max(due, performance.now() + delayMs)
    waiting.push({ at: due, act })
    if (waiting.length === 1) setTimeout(pump, due - performance.now())
  }
  from.on('data', (data: Buffer) => {
    for (let at = 0; at < data.length; at += CHUNK) {
      const chunk = data.subarray(at, at + CHUNK)
      const arrives = (1 - loss) ** Math.ceil(chunk.length / SEGMENT)
      if (random() > arrives) due = Math.max(due, performance.now() + delayMs) + rtoMs
      later(() => to.write(chunk))
    }
    // Not faster than it can be carried.
    if (due - performance.now() > 8 * delayMs) {
      from.pause()
      setTimeout(() => from.resume(), due - performance.now() - 4 * delayMs)
    }
  })
  from.on('end', () => later(() => to.end()))
  from.on('error', () => to.destroy())
}
