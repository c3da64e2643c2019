/** The connections of a listener: what is under way on each, and how they end. */

import { type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type Refusal, refusalText } from './refusal.ts'

export type Connections = {
  /** How many are open, handshakes too. */
  readonly count: () => number
  /** Answers what could not be read as a request, where there is still room for an answer. */
  readonly refuse: (socket: Duplex, refusal: Refusal) => void
  /** Takes no more connections, lets requests finish for so long, then cuts what is left. */
  readonly drain: (graceMs: number) => Promise<void>
}

/** What is under way on a connection, and whether it ends when that is done. */
type UnderWay = {
  responses: ServerResponse[]
  isLast: boolean
  /** Whether there was a request on it. */
  isUsed: boolean
}

/** Follows a server's connections from now on. `established` is its event for a usable one. */
export function trackConnections(
  server: Server,
  established: 'connection' | 'secureConnection',
): Connections {
  const connections = new Map<Duplex, UnderWay>()
  const sockets = rememberSockets(server)
  let isDraining = false
  // At its close Node would end those with no request yet, too.
  server.closeIdleConnections = () => {}
  server.on(established, (socket: Socket) => {
    const underWay: UnderWay = { responses: [], isLast: false, isUsed: false }
    connections.set(socket, underWay)
    if (isDraining) letFinish(socket, underWay)
    socket.once('close', () => connections.delete(socket))
    // Node lets go of a socket at CONNECT; unheard, an error of it would end the process.
    socket.on('error', () => socket.destroy())
  })
  server.on('request', ({ socket }, response) => {
    const underWay = connections.get(socket)
    if (!underWay) return
    underWay.isUsed = true
    underWay.responses.push(response)
    if (underWay.isLast) response.shouldKeepAlive = false
    response.on('close', () => {
      underWay.responses = underWay.responses.filter((other) => other !== response)
      if (underWay.isLast && underWay.responses.length === 0) socket.destroySoon()
    })
  })
  return {
    count: () => sockets.size,
    refuse: (socket, refusal) => refuseOn(socket, connections.get(socket), refusal),
    async drain(graceMs) {
      isDraining = true
      connections.forEach((underWay, socket) => letFinish(socket, underWay))
      await acceptWaiting(server)
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      const timer = setTimeout(() => sockets.forEach((socket) => socket.resetAndDestroy()), graceMs)
      await closed
      clearTimeout(timer)
    },
  }
}

// All of them, also those still in a TLS handshake: the process can't end while one is open.
function rememberSockets(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return sockets
}

// What the system has accepted for us is reset when a listener closes. Node takes one connection a turn
// of the event loop, so it is all there after two without one: that under way may be past that point.
async function acceptWaiting(server: Server): Promise<void> {
  let quiet = 0
  const heard = () => (quiet = 0)
  server.on('connection', heard)
  for (let turn = 0; turn < MOST_WAITING && quiet < 2; turn += 1) {
    quiet += 1
    await new Promise((resolve) => setImmediate(resolve))
  }
  server.off('connection', heard)
}

// As many as Node has the system keep for it.
const MOST_WAITING = 511

// A client that has just connected is about to ask, and does not try again when it may not.
const FIRST_REQUEST_MS = 1000

function letFinish(socket: Duplex, underWay: UnderWay): void {
  underWay.isLast = true
  if (!underWay.isUsed) {
    const timer = setTimeout(() => underWay.isUsed || socket.destroy(), FIRST_REQUEST_MS)
    socket.once('close', () => clearTimeout(timer))
  } else if (underWay.responses.length === 0) socket.destroy()
  for (const response of underWay.responses) {
    if (!response.headersSent) response.shouldKeepAlive = false
  }
}

// Never in the midst of an answer, nor in place of the answer to an earlier request.
function refuseOn(socket: Duplex, underWay: UnderWay | undefined, refusal: Refusal): void {
  const responses = underWay?.responses ?? []
  if (underWay && responses.some(({ req }) => req.complete)) {
    letFinish(socket, underWay)
    return
  }
  if (!underWay || !socket.writable || responses.some(({ headersSent }) => headersSent)) {
    socket.destroy()
    return
  }
  const reason = STATUS_CODES[refusal.status] ?? ''
  socket.end(refusalText(refusal, reason), () => socket.destroy())
}
