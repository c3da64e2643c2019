/** What registries answer where they refuse. */

import { createServer, get, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { refusalOf } from '../../src/images/refusal.ts'
import { type Incoming, ofMessage } from '../../src/images/taker.ts'

const WHERE = 'docker.company.test/team/app:1'

describe('a refusal', () => {
  it.each([
    ['in seconds', '7', 7000],
    ['as a date, by the clock of who answers', 'Fri, 01 Jan 2021 00:00:09 GMT', 9000],
    ['as a date that is past', 'Fri, 01 Jan 2020 00:00:00 GMT', undefined],
    ['as nothing that says so', 'soon', undefined],
  ])('tells when to ask again, %s', async (_, value, ms) => {
    const answer = await answerOf((__, response) => {
      const date = 'Fri, 01 Jan 2021 00:00:00 GMT'
      response.writeHead(503, { date, 'retry-after': value }).end()
    })
    expect(await refusalOf(answer, WHERE)).toMatchObject({ isPassing: true, afterMs: ms })
  })

  it.each([
    [
      'of a form that nobody knows',
      { errors: [{ code: 7, message: { a: 1 } }] },
      /answered 404|no such/,
    ],
    ['of a blob', { errors: [{ code: 'BLOB_UNKNOWN' }] }, /app:1: the registry lacks this part/],
  ])('%s is one line', async (_, body, line) => {
    const answer = await answerOf((__, response) => {
      response.writeHead(404).end(JSON.stringify(body))
    })
    const { error } = await refusalOf(answer, WHERE)
    expect(error.message).toMatch(line)
  })

  it.each([
    [
      'of the login, with the word for it',
      401,
      JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: 'name or password is wrong' }] }),
      'the registry refuses the login (name or password is wrong); see: ecr-cname resolve --aws docker.company.test',
    ],
    [
      'of the login, without a word',
      401,
      '',
      'the registry refuses the login (401); see: ecr-cname resolve --aws docker.company.test',
    ],
    [
      'of a body by a proxy with a limit',
      413,
      '<html>413 Request Entity Too Large</html>',
      'a proxy before the registry takes no body of this size (413); raise its limit, as by client_max_body_size 0 of nginx',
    ],
  ])('%s names the next step', async (_, status, body, line) => {
    const answer = await answerOf((__, response) => {
      response.writeHead(status).end(body)
    })
    const { error } = await refusalOf(answer, WHERE)
    expect(error.message).toBe(`${WHERE}: ${line}`)
  })
})

async function answerOf(act: RequestListener): Promise<Incoming> {
  const server = createServer(act)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  return await new Promise((done, fail) => {
    get({ port, agent: false }, (message) => done(ofMessage(message))).on('error', fail)
  })
}
