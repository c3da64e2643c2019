import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Door } from '../../src/images/doors.ts'
import { openLines } from '../../src/images/lines.ts'
import { openRequests } from '../../src/images/requests.ts'
import type { Limits } from '../../src/images/wire.ts'
import { trust } from '../support/trust.ts'
import { emulated } from '../support/user.ts'

const NAME = 'silent.test'
const FOR_EVER = 3_600_000

/** Starts a server that says nothing by itself, and closes it and what goes to it in the end. */
async function listen(server: Server): Promise<Door> {
  const sockets: Socket[] = []
  server.on('connection', (socket: Socket) => sockets.push(socket.on('error', () => {})))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => {
    sockets.forEach((socket) => socket.destroy())
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const address = { host: '127.0.0.1', port }
  return { address, certificate: NAME, host: NAME, isRegistry: false }
}

async function silentAfterHandshake(): Promise<Server> {
  const emulator = await emulated()
  trust(emulator.caFile)
  const { certFile, keyFile } = emulator.certificate([NAME])
  const pair = { cert: readFileSync(certFile), key: readFileSync(keyFile) }
  return createTlsServer(pair, (socket) => socket.on('error', () => {}))
}

/** Both ways of asking. */
const WAYS = {
  'a GET': (door: Door, limits: Limits) => {
    const lines = openLines(limits)
    onTestFinished(lines.close)
    return lines.get(door, question())
  },
  'any other question': (door: Door, limits: Limits) => {
    const requests = openRequests(undefined, limits)
    onTestFinished(requests.close)
    return requests.send(door, { method: 'HEAD', ...question() })
  },
} as const

function question() {
  return { path: '/v2/', headers: {}, signal: new AbortController().signal }
}

describe.each(Object.entries(WAYS))('%s', (_, ask) => {
  it('gives up a server that takes the connection and is silent at the handshake', async () => {
    const door = await listen(createServer(() => {}))
    const asked = ask(door, { openMs: 1, idleMs: FOR_EVER })
    await expect(asked).rejects.toMatchObject({ code: 'ETIMEDOUT' })
  })

  it('has another limit once the connection stands', async () => {
    const door = await listen(await silentAfterHandshake())
    const asked = ask(door, { openMs: FOR_EVER, idleMs: 1 })
    await expect(asked).rejects.toMatchObject({ code: 'ETIMEDOUT' })
  })
})
