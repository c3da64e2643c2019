/** A proxy that leads nowhere. */

import { type AddressInfo, createServer } from 'node:net'
import { onTestFinished } from 'vitest'

/** The URL of a proxy that answers a CONNECT with a status, or hangs up. */
export async function startRefusingProxy(status: number | undefined): Promise<string> {
  const proxy = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => {
      if (status === undefined) socket.end()
      else socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\n\r\n`)
    })
  })
  await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done))
  onTestFinished(() => void proxy.close())
  return `http://me:hush@127.0.0.1:${(proxy.address() as AddressInfo).port}`
}

/** What is said of each. */
export const REFUSALS = [
  [
    407,
    /: the proxy in HTTPS_PROXY does not lead there \(407\); put its user and password there: /,
  ],
  [403, /: the proxy in HTTPS_PROXY does not lead there \(403\); ask who runs it, or /],
  [undefined, /can't be reached|cut|ECONNRESET/],
] as const
