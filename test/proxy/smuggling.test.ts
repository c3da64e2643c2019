import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  fetchFrom,
  NAME,
  openSocket,
  openWorld,
  type Sidecar,
  startSidecar,
  startUpstream,
  talk,
  type Upstream,
  type World,
} from './neighbours.ts'

let world: World
let upstream: Upstream
let sidecar: Sidecar
/** Method and path of every request that the registry saw. */
let seen: string[]

beforeAll(() => {
  world = openWorld()
})
beforeEach(async () => {
  seen = []
  upstream = await startUpstream(world.registryLeaf, (request, response) => {
    seen.push(`${request.method} ${request.url}`)
    request.resume().on('end', () => response.end('ok'))
  })
  sidecar = await startSidecar(upstream.connect)
})

const POST = `POST /v2/one HTTP/1.1\r\nHost: ${NAME}\r\nConnection: close\r\n`
const HIDDEN = `GET /v2/hidden HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`
const CHUNKED = 'Transfer-Encoding: chunked\r\n'

/** What the registry has seen once an honest request has come after. */
async function seenAfterHonest(): Promise<readonly string[]> {
  await fetchFrom(sidecar, '/v2/honest')
  return seen
}

describe('a request that two parsers could read in two ways', () => {
  it.each([
    ['a length and chunks', `${POST}Content-Length: 4\r\n${CHUNKED}\r\n0\r\n\r\n${HIDDEN}`],
    ['chunks and a length', `${POST}${CHUNKED}Content-Length: 4\r\n\r\n0\r\n\r\n${HIDDEN}`],
    ['two lengths', `${POST}Content-Length: 4\r\nContent-Length: 0\r\n\r\n${HIDDEN}`],
    ['the same length twice', `${POST}Content-Length: 0\r\nContent-Length: 0\r\n\r\n${HIDDEN}`],
    ['a list of lengths', `${POST}Content-Length: 0, 0\r\n\r\n${HIDDEN}`],
    ['a signed length', `${POST}Content-Length: +0\r\n\r\n${HIDDEN}`],
    ['a space before the colon', `${POST}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${HIDDEN}`],
    ['a control character', `${POST}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n${HIDDEN}`],
    ['an unknown coding', `${POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${HIDDEN}`],
    ['a coding below chunks', `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n${HIDDEN}`],
    ['two codings', `${POST}${CHUNKED}${CHUNKED}\r\n0\r\n\r\n${HIDDEN}`],
    ['a folded line', `${POST}X-A: b\r\n ${CHUNKED}\r\n${HIDDEN}`],
    ['a folded coding', `${POST}Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n${HIDDEN}`],
    ['a bare LF in the head', `${POST}X-A: b\nContent-Length: 4\r\n\r\n${HIDDEN}`],
    ['a bare CR in the head', `${POST}X-A: b\rContent-Length: 4\r\n\r\n${HIDDEN}`],
    ['bare LFs only', `GET /v2/one HTTP/1.1\nHost: ${NAME}\n\n${HIDDEN}`],
    ['a NUL', `${POST}X-A: b\0c\r\n\r\n${HIDDEN}`],
    ['a space in the target', `GET /v2/one /v2/two HTTP/1.1\r\nHost: ${NAME}\r\n\r\n${HIDDEN}`],
    ['an unknown version', `GET /v2/one HTTP/1.2\r\nHost: ${NAME}\r\n\r\n${HIDDEN}`],
    ['the preface of HTTP/2', `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${HIDDEN}`],
  ])('is refused: %s', async (_, bytes) => {
    expect(await talk(sidecar, bytes)).toMatch(
      /^HTTP\/1\.1 400 Bad Request\r\n[^]*\r\n\r\n\{"errors":\[\{"code":"UNSUPPORTED",/,
    )
    expect(await seenAfterHonest()).toEqual(['GET /v2/honest'])
  })

  it.each([
    ['a chunk that ends in LF', `${POST}${CHUNKED}\r\n3\nabc\n0\n\n${HIDDEN}`],
    ['an extension that ends in LF', `${POST}${CHUNKED}\r\n3;a\nabc\r\n0\r\n\r\n${HIDDEN}`],
    ['a size with a prefix', `${POST}${CHUNKED}\r\n0x3\r\nabc\r\n0\r\n\r\n${HIDDEN}`],
    ['a length for a trailer', `${POST}${CHUNKED}\r\n0\r\nContent-Length: 9\r\n\r\n${HIDDEN}`],
    ['a size below what comes', `${POST}${CHUNKED}\r\n1\r\nabc\r\n0\r\n\r\n${HIDDEN}`],
  ])('is refused and cut at the registry once its body shows it: %s', async (_, bytes) => {
    expect(await talk(sidecar, bytes)).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
    expect((await seenAfterHonest()).filter((one) => one.includes('hidden'))).toEqual([])
    expect(upstream.wire.join('')).not.toContain('\r\n0\r\n\r\n')
  })

  it('is not read from HTTP/1.0 with chunks', async () => {
    const bytes = `POST /v2/one HTTP/1.0\r\nHost: ${NAME}\r\n${CHUNKED}\r\n0\r\n\r\n${HIDDEN}`
    expect(await talk(sidecar, bytes)).toMatch(/^HTTP\/1\.1 400 /)
    expect(await seenAfterHonest()).toEqual(['GET /v2/honest'])
  })

  it('loses its chunk extensions and its trailers', async () => {
    const body = '3;name="a\tb"\r\nabc\r\n0;x\r\nX-Trailer: 1\r\n\r\n'
    expect(await talk(sidecar, `${POST}${CHUNKED}\r\n${body}`)).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(await seenAfterHonest()).toEqual(['POST /v2/one', 'GET /v2/honest'])
    expect(upstream.wire[0]).toMatch(/\r\n\r\n3\r\nabc\r\n0\r\n\r\n$/)
  })
})

describe('a request', () => {
  it.each([
    ['without Host', 'GET /v2/ HTTP/1.1\r\nConnection: close\r\n\r\n'],
    [
      'with two',
      `GET /v2/ HTTP/1.1\r\nHost: ${NAME}\r\nhost: ${NAME}\r\nConnection: close\r\n\r\n`,
    ],
    [
      'for an absolute target',
      `GET http://${NAME}/v2/ HTTP/1.1\r\nHost: ${NAME}\r\nConnection: close\r\n\r\n`,
    ],
    ['for no path', `OPTIONS * HTTP/1.1\r\nHost: ${NAME}\r\nConnection: close\r\n\r\n`],
    ['that climbs', `GET /v2/../x HTTP/1.1\r\nHost: ${NAME}\r\nConnection: close\r\n\r\n`],
    ['for a tunnel', `CONNECT ${NAME}:443 HTTP/1.1\r\nHost: ${NAME}\r\n\r\n${HIDDEN}`],
  ])('%s is refused', async (_, bytes) => {
    expect(await talk(sidecar, bytes)).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n[^]*\{"errors":/)
    expect(await seenAfterHonest()).toEqual(['GET /v2/honest'])
  })

  it('for a tunnel whose client leaves at once harms nobody', async () => {
    const socket = await openSocket(sidecar)
    await new Promise((resolve) => socket.write(`CONNECT ${NAME}:443 HTTP/1.1\r\n\r\n`, resolve))
    socket.resetAndDestroy()
    expect(await seenAfterHonest()).toEqual(['GET /v2/honest'])
  })

  it('of HTTP/0.9 is refused', async () => {
    expect(await talk(sidecar, 'GET /v2/\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /)
  })

  it('with a head beyond the limit is refused', async () => {
    const bytes = `GET /v2/ HTTP/1.1\r\nHost: ${NAME}\r\nX-A: ${'a'.repeat(70_000)}\r\n\r\n`
    expect(await talk(sidecar, bytes)).toMatch(/^HTTP\/1\.1 431 [^]*over 65536 bytes/)
  })

  it('with thousands of fields has none of them overlooked', async () => {
    const many = 'a:b\r\n'.repeat(5000)
    const bytes = `GET /v2/ HTTP/1.1\r\nHost: ${NAME}\r\n${many}Host: other.test\r\nConnection: close\r\n\r\n`
    expect(await talk(sidecar, bytes)).toMatch(/^HTTP\/1\.1 400 [^]*exactly one Host/)
  })

  it('cannot take Authorization or Host away by naming them in Connection', async () => {
    const fields = `Connection: close, Authorization, Host, Content-Length\r\nAuthorization: Basic YQ==\r\n`
    await talk(sidecar, `GET /v2/ HTTP/1.1\r\nHost: ${NAME}\r\n${fields}\r\n`)
    expect(upstream.wire[0]).toMatch(/^GET [^]*\r\nHost: 1234[^]*\r\nAuthorization: Basic YQ==\r\n/)
  })

  it('after a malformed one on the same connection is not read', async () => {
    const first = `GET /v2/one HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`
    await talk(sidecar, `${first}GET /v2/two\r\n HTTP/1.1\r\n\r\n${HIDDEN}`)
    expect((await seenAfterHonest()).filter((one) => one.includes('hidden'))).toEqual([])
  })

  it('in a row with others is answered in its turn', async () => {
    const one = `GET /v2/one HTTP/1.1\r\nHost: ${NAME}\r\n\r\n`
    const two = `GET /healthz HTTP/1.1\r\nHost: ${NAME}\r\nConnection: close\r\n\r\n`
    expect(await talk(sidecar, one + two)).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*ok[^]*"status":"ok"/)
  })
})
