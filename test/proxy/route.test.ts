import { describe, expect, it } from 'vitest'
import type { Mapping } from '../../src/domain/mapping.ts'
import type { Fields } from '../../src/proxy/headers.ts'
import { Refusal } from '../../src/proxy/refusal.ts'
import { type Head, pathOf, routeOf, type Rules, servedName } from '../../src/proxy/route.ts'
import { mappingTo, NAME, REGISTRY } from './neighbours.ts'

const rules = { mappings: mappingTo(undefined), readOnly: false }

/** The route, with the path that is checked before. */
const route = (of: Head, by: Rules) => routeOf(of, pathOf(of), by)

function head(changes: Partial<Head> = {}): Head {
  const fields: Fields = [['Host', `${NAME}:5000`]]
  return { method: 'GET', target: '/v2/', httpVersion: '1.1', fields, isSecure: true, ...changes }
}

function refusalOf(action: () => unknown): Refusal | undefined {
  try {
    action()
    return undefined
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}

describe('the path of a request', () => {
  it.each([
    '/v2',
    '/v2/',
    '/v2/team/app/manifests/1.0_a-b',
    '/v2/app/blobs/sha256:00',
    '/v2/app/blobs/sha256%3a00',
    '/v2/app/blobs/uploads/?mount=sha256:00&from=a/../b',
    '/v2/a..b/tags/list?last=..%2f',
  ])('may be %s', (target) => {
    expect(pathOf(head({ target }))).toBe(target.split('?')[0])
  })

  it.each([
    'http://docker.company.test/v2/',
    '*',
    '',
    'docker.company.test:443',
    '/v2/../admin',
    '/v2/a/..',
    '/v2/./a',
    '/v2//a',
    '//evil.test/v2/',
    '/v2/%2e%2e/a',
    '/v2/a%2Fb',
    '/v2/a%5cb',
    '/v2/a\\b',
    '/v2/%252e%252e/',
    '/v2/a%00',
    '/v2/a%0d%0aX:1',
    '/v2/a%',
    '/v2/a%zz',
    '/v2/a#b',
    '/v2/a\u00e9',
    '/v2/a b',
  ])('may not be %s', (target) => {
    expect(refusalOf(() => pathOf(head({ target })))).toMatchObject({ status: 400 })
  })
})

describe('the route of a request', () => {
  it('is found by Host, and keeps how the client calls that place', () => {
    const fields: Fields = [['hOST', 'Docker.Company.Test:5000']]
    expect(route(head({ fields }), rules)).toMatchObject({
      mapping: { registry: { host: REGISTRY.host } },
      origin: 'https://Docker.Company.Test:5000',
    })
    expect(route(head({ fields, isSecure: false }), rules).origin).toMatch(/^http:/)
  })

  it('is found for a name with a port, and for a wildcard', () => {
    const named = { ...rules, mappings: mappingTo(undefined, `${NAME}:5000`) }
    expect(route(head(), named).mapping.name).toBe(`${NAME}:5000`)
    const wildcard = { ...rules, mappings: mappingTo(undefined, '*.company.test') }
    expect(route(head(), wildcard).mapping.name).toBe('*.company.test')
  })

  it('leads where the mappings of the moment say, however often a Host was asked for', () => {
    const other: Mapping = { ...rules.mappings.get(NAME)!, connect: { host: 'other.test' } }
    const anew = { ...rules, mappings: new Map([[NAME, other]]) }
    const gone = { ...rules, mappings: mappingTo(undefined, 'else.test') }
    for (let times = 0; times < 2; times += 1) {
      expect(route(head(), rules).mapping).toBe(rules.mappings.get(NAME))
      expect(route(head(), anew).mapping).toBe(other)
      expect(refusalOf(() => route(head(), gone))).toMatchObject({ status: 421 })
      expect(servedName(`${NAME}:5000`, gone.mappings)).toBeUndefined()
    }
  })

  it('is found for each of any number of names', () => {
    const mappings = mappingTo(undefined, '*.company.test')
    for (let number = 0; number < 2500; number += 1) {
      expect(servedName(`n${number % 1500}.company.test`, mappings)).toBe('*.company.test')
    }
  })

  it('does not exist for a Host that is not mapped, and the answer says what to do', () => {
    const fields: Fields = [['Host', 'other.test']]
    expect(refusalOf(() => route(head({ fields }), rules))).toMatchObject({
      status: 421,
      code: 'NAME_UNKNOWN',
      message: expect.stringContaining('--registry other.test=ECR_HOST') as string,
    })
  })

  it.each([
    ['none', []],
    [
      'two',
      [
        ['Host', NAME],
        ['host', NAME],
      ],
    ],
    ['an empty one', [['Host', '']]],
    ['user information', [['Host', `a@${NAME}`]]],
    ['a path', [['Host', `${NAME}/v2`]]],
    ['a quote', [['Host', `${NAME}">`]]],
    ['a port that is none', [['Host', `${NAME}:99999`]]],
  ] satisfies [string, Fields][])('does not exist for a Host that is %s', (_, fields) => {
    expect(refusalOf(() => route(head({ fields }), rules))).toMatchObject({ status: 400 })
  })

  it.each(['/', '/v1/', '/v2x', '/metrics'])('does not exist for %s', (target) => {
    expect(refusalOf(() => route(head({ target }), rules))).toMatchObject({ status: 404 })
  })

  it.each(['TRACE', 'PROPFIND', 'PURGE'])('does not exist for the method %s', (method) => {
    expect(refusalOf(() => route(head({ method }), rules))).toMatchObject({ status: 405 })
  })

  it('exists for reading only where it is read-only', () => {
    const readOnly = { ...rules, readOnly: true }
    expect(route(head({ method: 'HEAD' }), readOnly).mapping.name).toBe(NAME)
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      const refusal = refusalOf(() => route(head({ method }), readOnly))
      expect(refusal).toMatchObject({ status: 405, code: 'UNSUPPORTED' })
    }
  })
})

describe('the framing of a request', () => {
  const host = ['Host', NAME] as const
  const framing = (method: string, fields: Fields) =>
    route(head({ method, fields: [host, ...fields] }), rules).framing

  it('is what the request says', () => {
    expect(framing('PATCH', [['transfer-encoding', 'Chunked']])).toBe('chunked')
    expect(framing('GET', [['Transfer-Encoding', 'chunked']])).toBe('chunked')
    expect(framing('PUT', [['content-length', '12']])).toEqual({ length: '12' })
    expect(framing('GET', [])).toBe('none')
  })

  it('says that there is no body where one is expected', () => {
    expect(framing('POST', [])).toEqual({ length: '0' })
  })

  it.each([
    ['another coding', [['Transfer-Encoding', 'gzip, chunked']]],
    [
      'two codings',
      [
        ['Transfer-Encoding', 'chunked'],
        ['Transfer-Encoding', 'chunked'],
      ],
    ],
    [
      'a coding and a length',
      [
        ['Transfer-Encoding', 'chunked'],
        ['Content-Length', '1'],
      ],
    ],
    [
      'two lengths',
      [
        ['Content-Length', '1'],
        ['Content-Length', '1'],
      ],
    ],
    ['a length that is a list', [['Content-Length', '1, 1']]],
    ['a length that is no number', [['Content-Length', '0x1']]],
  ] satisfies [string, Fields][])('is not guessed from %s', (_, fields) => {
    expect(refusalOf(() => framing('PUT', fields))).toMatchObject({ status: 400 })
  })

  it('is not chunked in HTTP/1.0', () => {
    const fields: Fields = [host, ['Transfer-Encoding', 'chunked']]
    const old = head({ httpVersion: '1.0', fields })
    expect(refusalOf(() => route(old, rules))).toMatchObject({ status: 400 })
  })
})
