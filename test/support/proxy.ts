/** Proxies: one that leads anywhere, and one that leads nowhere. */

import { type AddressInfo, connect, createServer } from 'node:net'
import { onTestFinished } from 'vitest'

/** A proxy on the loopback, and the places to which it was asked to lead. */
export async function startProxy() {
  const asked: string[] = []
  const proxy = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', (head) => {
      const [, host = '', port] = /^CONNECT (.*):(\d+) /.exec(head.toString()) ?? []
      asked.push(`${host}:${port}`)
      const there = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        socket.pipe(there).pipe(socket)
      })
      there.on('error', () => socket.destroy())
    })
  })
  await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done))
  onTestFinished(() => void proxy.close())
  return { url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`, asked }
}

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
  // No status: whoever listens there speaks something else.
  [NaN, /: the proxy in HTTPS_PROXY does not lead there \(no HTTP\); ask who runs it, or /],
  [undefined, /can't be reached|cut|ECONNRESET/],
] as const
