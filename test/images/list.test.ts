/** Lists and logins of registries that are not as they should be. */

import { readFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { listTags } from '../../src/images/list.ts'
import { ECR, REPOSITORY, startRegistry } from './registry.ts'

describe('a Bearer token', () => {
  it.each(['<html>', 'null', '[]', '{"token":5}'])(
    'that is %s is refused in one line',
    async (body) => {
      const client = await clientOf((request, response) => {
        if (request.url?.startsWith('/token')) return response.end(body)
        const realm = `Bearer realm="https://${request.socket.localAddress}:${request.socket.localPort}/token"`
        return response.writeHead(401, { 'www-authenticate': realm }).end()
      })
      await expect(listTags(client, REPOSITORY)).rejects.toMatchObject({
        code: 'REGISTRY',
        message: expect.stringMatching(/gives none: 127\.0\.0\.1:\d+ answered without one$/),
      })
    },
  )
})

describe('a list', () => {
  it('that is cut is asked for again', async () => {
    let asked = 0
    const client = await clientOf((_, response) => {
      asked += 1
      if (asked > 1) return response.end('{"tags":["1"]}')
      response.writeHead(200, { 'content-length': 1000 })
      return response.write('{"tags":["1",', () => response.destroy())
    })
    expect(await listTags(client, REPOSITORY)).toEqual(['1'])
  })

  it('that is larger than any is refused', async () => {
    const client = await clientOf((_, response) => {
      response.end(`{"tags":[${'"1",'.repeat(5_000_000)}"1"]}`)
    })
    await expect(listTags(client, REPOSITORY)).rejects.toMatchObject({
      code: 'IMAGE',
      message: expect.stringMatching(/team\/app: the registry sends more than \d+ bytes$/),
    })
  })

  it('has names that do nothing to a terminal', async () => {
    const client = await clientOf((_, response) => response.end('{"tags":["1\\u001b[2J\\n2"]}'))
    expect(await listTags(client, REPOSITORY)).toEqual(['1 [2J 2'])
  })
})

/** A client of a registry that answers every question in one way. */
async function clientOf(answer: RequestListener) {
  const registry = await startRegistry()
  const { certFile, keyFile } = registry.emulator.certificate([ECR, '127.0.0.1'])
  const server = createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) }, answer)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  return registry.client({ site: { ...registry.site, connect: { host: '127.0.0.1', port } } })
}
