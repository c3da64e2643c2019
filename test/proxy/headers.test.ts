import { describe, expect, it } from 'vitest'
import { type Fields, toClient, toFields, toUpstream } from '../../src/proxy/headers.ts'
import { REGISTRY } from './neighbours.ts'

const origin = 'https://docker.company.test:5000'
const up = (fields: Fields) => toUpstream(fields, { registry: REGISTRY, framing: 'none' })
const down = (fields: Fields) => toClient(fields, { registry: REGISTRY, origin })
const at = (name: string, value: string) => down([[name, value]])[0]?.[1]

describe('the fields of a request, for the registry', () => {
  it('name the registry as Host, once and first', () => {
    expect(
      up([
        ['host', 'a.test'],
        ['Accept', '*/*'],
        ['HOST', 'b.test'],
      ]),
    ).toEqual([
      ['Host', REGISTRY.host],
      ['Accept', '*/*'],
    ])
  })

  it('keep order, case and repetition', () => {
    const accepts: Fields = [
      ['Accept', 'application/vnd.oci.image.index.v1+json'],
      ['X-b', '1'],
      ['accept', 'application/vnd.docker.distribution.manifest.v2+json'],
    ]
    expect(up(accepts).slice(1)).toEqual(accepts)
  })

  it("keep the client's Authorization as it is", () => {
    expect(up([['authorization', 'Basic abc']])).toContainEqual(['authorization', 'Basic abc'])
  })

  it.each([
    'Connection',
    'Keep-Alive',
    'Proxy-Connection',
    'Proxy-Authorization',
    'TE',
    'Trailer',
    'Transfer-Encoding',
    'Upgrade',
    'HTTP2-Settings',
  ])('lose %s, which is between two hops', (name) => {
    expect(up([[name, 'x']])).toEqual([['Host', REGISTRY.host]])
  })

  it.each(['Expect', 'Forwarded', 'X-Forwarded-For', 'x-forwarded-host', 'X-Real-IP'])(
    'lose %s, which is for the sidecar alone',
    (name) => {
      expect(up([[name, 'x']])).toEqual([['Host', REGISTRY.host]])
    },
  )

  it('lose what Connection names', () => {
    expect(
      up([
        ['Connection', 'close, X-Hop ,'],
        ['X-Hop', '1'],
        ['x-hop', '2'],
        ['X-End', '3'],
      ]),
    ).toEqual([
      ['Host', REGISTRY.host],
      ['X-End', '3'],
    ])
  })

  it.each(['Authorization', 'Host', 'Content-Type', 'Content-Range', 'Range', 'Accept'])(
    'keep %s, whatever Connection names',
    (name) => {
      const fields = up([
        ['Connection', name.toLowerCase()],
        [name, 'x'],
      ])
      expect(fields.map(([own]) => own)).toContain(name)
    },
  )

  it.each([
    ['none', []],
    ['chunked', [['Transfer-Encoding', 'chunked']]],
    [{ length: '12' }, [['Content-Length', '12']]],
  ] as const)('are framed as the request was: %j', (framing, added) => {
    const fields: Fields = [
      ['Content-Length', '99'],
      ['Transfer-Encoding', 'gzip'],
    ]
    expect(toUpstream(fields, { registry: REGISTRY, framing }).slice(1)).toEqual(added)
  })
})

describe('the fields of an answer, for the client', () => {
  const path = '/v2/app/blobs/uploads/5e1?_state=a%2Fb#c'

  it.each([
    ['the registry', `https://${REGISTRY.host}${path}`],
    ['the registry with its port', `https://${REGISTRY.host}:443${path}`],
    ['the registry in capitals', `HTTPS://${REGISTRY.host.toUpperCase()}${path}`],
    ['the registry without a scheme', `//${REGISTRY.host}${path}`],
  ])('point Location to the name and port that the client used, where it names %s', (_, url) => {
    expect(at('Location', url)).toBe(`${origin}${path}`)
  })

  it.each([
    ['a path', path],
    [
      'the bucket',
      'https://prod-us-east-1-starport-layer-bucket.s3.us-east-1.amazonaws.com/a?X-Amz-Signature=b',
    ],
    ['another registry', 'https://210987654321.dkr.ecr.us-east-1.amazonaws.com/v2/'],
    ['another port', `https://${REGISTRY.host}:8443/v2/`],
    ['a host that begins like the registry', `https://${REGISTRY.host}.evil.test/v2/`],
    ['user information', `https://${REGISTRY.host}@evil.test/v2/`],
    ['the registry in its query only', `https://s3.test/?u=https://${REGISTRY.host}/v2/`],
    ['nothing', ''],
  ])('leave Location alone where it names %s', (_, url) => {
    expect(at('location', url)).toBe(url)
  })

  it('point each Link on the registry to the name and port that the client used', () => {
    const link = `<https://${REGISTRY.host}/v2/_catalog?last=x>; rel="next", <https://s3.test/y>; rel="z"`
    expect(at('Link', link)).toBe(
      `<${origin}/v2/_catalog?last=x>; rel="next", <https://s3.test/y>; rel="z"`,
    )
  })

  it('are otherwise as the registry sent them, the empty one too', () => {
    const fields: Fields = [
      ['Docker-Distribution-Api-Version', 'registry/2.0'],
      ['Sizes', ''],
      ['Content-Length', '1024'],
      ['Docker-Content-Digest', 'sha256:00'],
      ['Range', '0-1023'],
      ['Www-Authenticate', `Basic realm="https://${REGISTRY.host}/",service="ecr.amazonaws.com"`],
      ['Set-Cookie', 'a=1'],
      ['Set-Cookie', 'b=2'],
    ]
    expect(down(fields)).toEqual(fields)
  })

  it('lose what is between two hops, and what Connection names', () => {
    expect(
      down([
        ['Connection', 'keep-alive, X-Hop, Content-Length, Location'],
        ['Keep-Alive', 'timeout=5'],
        ['X-Hop', '1'],
        ['Content-Length', '2'],
        ['Location', '/v2/'],
      ]),
    ).toEqual([
      ['Content-Length', '2'],
      ['Location', '/v2/'],
    ])
  })

  it('lose a length that stands beside a transfer coding', () => {
    expect(
      down([
        ['Content-Length', '2'],
        ['Transfer-Encoding', 'chunked'],
      ]),
    ).toEqual([])
  })
})

describe('toFields', () => {
  it('pairs the flat list of Node', () => {
    expect(toFields(['A', '1', 'a', ''])).toEqual([
      ['A', '1'],
      ['a', ''],
    ])
  })
})
