/** A DNS server on the loopback that knows a few records. */

import { createSocket } from 'node:dgram'
import packet from 'dns-packet'
import { onTestFinished } from 'vitest'

/** What is known of names; a name that is `refused` is one that the server will not speak of. */
export type Zone = Readonly<
  Record<string, { readonly CNAME?: string; readonly TXT?: string; readonly refused?: true }>
>

export type NameServer = { readonly address: string; readonly questions: string[] }

/** Answers from a zone; `broken` answers SERVFAIL to everything. */
export async function startNameServer(zone: Zone | 'broken'): Promise<NameServer> {
  const socket = createSocket('udp4')
  const questions: string[] = []
  socket.on('message', (message, { port, address }) => {
    const { id, questions: [question] = [] } = packet.decode(message)
    if (!question) return
    const { name, type } = question
    questions.push(`${type} ${name}`)
    const data = zone === 'broken' ? undefined : zone[name]?.[type as 'CNAME' | 'TXT']
    const reply = packet.encode({
      type: 'response',
      id: id ?? 0,
      // SERVFAIL, REFUSED, or NXDOMAIN where the name has no record at all.
      flags: zone === 'broken' ? 2 : zone[name]?.refused ? 5 : zone[name] ? 0 : 3,
      questions: [question],
      answers: data === undefined ? [] : [{ name, type: type as 'CNAME', data, ttl: 1 }],
    })
    socket.send(reply, port, address)
  })
  await new Promise<void>((done) => socket.bind(0, '127.0.0.1', done))
  onTestFinished(() => void socket.close())
  return { address: `127.0.0.1:${socket.address().port}`, questions }
}
