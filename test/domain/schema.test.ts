import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { type Config, mergeConfig } from '../../src/domain/config.ts'
import { UserError } from '../../src/domain/errors.ts'
import type { Mapping, Replica } from '../../src/domain/mapping.ts'
import type { ProxyConfig } from '../../src/domain/proxy-config.ts'
import type { NewRepository, PushRules } from '../../src/domain/push-rules.ts'

const ECR = '123456789012.dkr.ecr.us-east-1.amazonaws.com'
const OTHER = '210987654321.dkr.ecr.eu-west-1.amazonaws.com'

const REPLICA: Readonly<Record<keyof Replica, unknown>> = {
  registry: ECR,
  connect: '10.0.0.7:8443',
}
const NEW_REPOSITORY: Readonly<Record<keyof NewRepository, unknown>> = {
  tags: { team: 'a' },
  scanOnPush: true,
  imageTagMutability: 'IMMUTABLE',
  kmsKey: 'alias/images',
}
const PUSH: Readonly<Record<keyof PushRules, unknown>> = {
  repositories: ['team-*/**'],
  tags: ['v*', 'main'],
  immutableTags: ['v*'],
  maxSize: '2 GiB',
  requireLabels: ['org.opencontainers.image.source'],
  requireAnnotations: { 'org.opencontainers.image.licenses': '*' },
  createRepository: NEW_REPOSITORY,
  hook: ['/usr/local/bin/check', '--strict'],
  hookTimeout: 10,
}
// The types make each of these name every key that the code has, and no other.
const MAPPING: Readonly<Record<Exclude<keyof Mapping, 'name'>, unknown>> = {
  registry: OTHER,
  profile: 'prod',
  roleArn: 'arn:aws:iam::210987654321:role/pull',
  roleSessionName: 'ci',
  externalId: 'partner-42',
  connect: 'vpce-0a1b.dkr.ecr.eu-west-1.vpce.amazonaws.com',
  prefix: 'team-a/',
  push: { createRepository: false, hook: [], maxSize: 1024, requireLabels: [] },
  replicas: [ECR, REPLICA],
}
const DNS: Readonly<Record<keyof Config['dns'], unknown>> = {
  trustedZones: ['company.com'],
  servers: ['10.0.0.2:53'],
}
const PROXY: Readonly<Record<keyof ProxyConfig, unknown>> = {
  listen: ['0.0.0.0:443'],
  tlsCert: ['/etc/ecr-cname/cert.pem'],
  tlsKey: '/etc/ecr-cname/key.pem',
  tlsAuto: true,
  auth: 'inject',
  clients: '/etc/ecr-cname/clients',
  clientCa: '/etc/ecr-cname/clients.pem',
  allow: { alice: ['team-a/*:pull,push', '*:pull'], '*': [] },
  blobs: 'stream',
  blobHosts: ['layers.company.com:9000'],
  readOnly: true,
  push: PUSH,
  admin: '127.0.0.1:9100',
  cloudwatch: 'Company/Images',
  logFormat: 'json',
  drain: 30,
  maxConnections: 4096,
  maxConnectionsPerClient: 1024,
  maxHeader: 65_536,
  maxUrl: 16_384,
  idle: 75,
  workers: 4,
}
const EVERYTHING: Readonly<
  Record<Exclude<keyof Config, 'mappings'> | 'registries' | '$schema', unknown>
> = {
  $schema: './config.schema.json',
  registries: {
    'docker.company.com': ECR,
    'images.company.com': MAPPING,
    '*.dkr.company.com': { registry: ECR },
    [ECR]: { profile: 'dev' },
  },
  dns: DNS,
  fallback: 'file',
  refreshAfter: 0.5,
  proxy: PROXY,
}

type Properties = Readonly<Record<string, unknown>>
type Part = { readonly properties: Properties; readonly default?: unknown }
type Schema = {
  readonly else: Part
  readonly $defs: Readonly<
    Record<'mapping' | 'replica' | 'push' | 'dns' | 'proxy' | 'fallback', Part>
  >
}

const schema = JSON.parse(readFileSync('config.schema.json', 'utf8')) as Schema
const validate = new Ajv2020({ strict: true, strictRequired: false, strictTuples: false }).compile(
  schema,
)

const GOOD: readonly unknown[] = [
  {},
  { 'docker.company.com': ECR },
  { registries: {} },
  { registries: { 'Images.Company.com:5000': ECR } },
  { registries: { 'bücher.example': ECR } },
  { registries: { '[2001:db8::1]:5000': ECR } },
  { registries: { 'docker.company.com': `https://${ECR}/` } },
  { registries: { 'docker.company.com': '123456789012.dkr-ecr.eu-west-1.on.aws' } },
  { registries: { 'docker.company.com': '123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com' } },
  { registries: { 'docker.company.com': '123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn' } },
  { registries: { 'gallery.company.com': 'public.ecr.aws' } },
  { registries: { [ECR]: {}, [OTHER]: ECR } },
  { registries: { 'docker.company.com': { registry: ECR, connect: '10.0.0.7:8443' } } },
  { dns: { trustedZones: ['.company.com', '*.company.org'], servers: ['[2001:db8::53]:53'] } },
  { fallback: 'none' },
  { fallback: 'secretservice' },
  { refreshAfter: 1 },
  { proxy: { listen: '127.0.0.1:5000' } },
  { registries: { [ECR]: { replicas: [OTHER, { registry: OTHER }], prefix: 'a/b-c__d/' } } },
  { proxy: { push: { createRepository: true, maxSize: '1.5GB', hook: ['C:\\check.exe'] } } },
  { registries: { [ECR]: { push: { tags: [], immutableTags: ['v1.*_x-y'], maxSize: '1 B' } } } },
  { proxy: { allow: { '*': ['*:pull'] }, blobHosts: ['[2001:db8::1]:9000', 's3.company.com'] } },
]

const BAD: readonly unknown[] = [
  [],
  null,
  'docker.company.com',
  { registry: {} },
  { 'docker.company.com': 'ghcr.io' },
  { 'docker.company.com': ECR, fallback: 'file' },
  { 'docker.company.com': { registry: ECR } },
  { registries: { 'docker.company.com': 'docker.io' } },
  { registries: { 'docker.company.com': `${ECR}.example.com` } },
  { registries: { 'docker.company.com': `${ECR}:5000` } },
  { registries: { 'docker.company.com': `evil.${ECR}` } },
  { registries: { 'docker.company.com': { profile: 'dev' } } },
  { registries: { [`${ECR}:5000`]: { profile: 'dev' } } },
  { registries: { 'docker company com': ECR } },
  { registries: { 'user@docker.company.com': ECR } },
  { registries: { 'docker.company.com:70000': ECR } },
  { registries: { 'docker.*.com': ECR } },
  { registries: { 'docker.company.com': { registry: ECR, roleArn: 'pull' } } },
  { dns: { servers: ['ns.company.com'] } },
  { dns: { trustedZones: ['company.com:5000'] } },
  { dns: { servers: '10.0.0.2' } },
  { fallback: '../evil' },
  { fallback: 'ecr-cname' },
  { refreshAfter: 0 },
  { refreshAfter: 1.01 },
  { proxy: { auth: 'open' } },
  { proxy: { drain: -1 } },
  { proxy: { tlsCert: [] } },
  { proxy: { allow: { alice: ['team-a/*'] } } },
  { proxy: { allow: { alice: ['team-a/*:delete'] } } },
  { proxy: { allow: { alice: '*:pull' } } },
  { proxy: { blobHosts: ['s3.company.com/layers'] } },
  { proxy: { maxHeader: 0 } },
  { proxy: { maxUrl: 1.5 } },
  { proxy: { push: { hook: ['check'] } } },
  { proxy: { push: { hook: '/usr/local/bin/check' } } },
  { proxy: { push: { hookTimeout: 0 } } },
  { proxy: { push: { repositories: ['Team'] } } },
  { proxy: { push: { tags: ['a b'] } } },
  { proxy: { push: { maxSize: '2 gigabytes' } } },
  { proxy: { push: { maxSize: 0 } } },
  { proxy: { push: { createRepository: { scanOnPush: 'yes' } } } },
  { registries: { [ECR]: { prefix: 'team-a' } } },
  { registries: { [ECR]: { prefix: '/team-a/' } } },
  { registries: { [ECR]: { replicas: ['public.ecr.aws'] } } },
  { registries: { [ECR]: { replicas: [{ connect: '10.0.0.7' }] } } },
]

/** What stands in turn for every value of the example; a few fit somewhere, most nowhere. */
const ODD = [
  undefined,
  null,
  true,
  0,
  1,
  -1,
  '',
  ' ',
  'x',
  'x y',
  '-',
  'file',
  '10.0.0.2',
  'a.example',
  'a.example:5000',
  ECR,
  [],
  [''],
  ['x'],
  {},
  { x: 1 },
]

describe('config.schema.json', () => {
  it.each([
    ['', EVERYTHING, schema.else],
    ['registries."images.company.com"', MAPPING, schema.$defs.mapping],
    ['registries."images.company.com".replicas[1]', REPLICA, schema.$defs.replica],
    ['push', PUSH, schema.$defs.push],
    ['dns', DNS, schema.$defs.dns],
    ['proxy', PROXY, schema.$defs.proxy],
  ])('has the keys of the code, and no other, at "%s"', (_, example, part) => {
    expect(Object.keys(part.properties)).toEqual(Object.keys(example))
  })

  it('takes every key at once, as the code does', () => {
    expect([isTakenBySchema(EVERYTHING), isTakenByCode(EVERYTHING)]).toEqual([true, true])
  })

  it.each(GOOD.map((value) => [JSON.stringify(value), value]))(
    'takes %s, as the code',
    (_, value) => {
      expect([isTakenBySchema(value), isTakenByCode(value)]).toEqual([true, true])
    },
  )

  it.each(BAD.map((value) => [JSON.stringify(value), value]))(
    'refuses %s, as the code',
    (_, value) => {
      expect([isTakenBySchema(value), isTakenByCode(value)]).toEqual([false, false])
    },
  )

  it('judges as the code does whatever stands in place of a value', () => {
    const variants = placesOf(EVERYTHING).flatMap((place) =>
      ODD.map((value) => replaced(EVERYTHING, place, value)),
    )
    const disputed = variants.filter((value) => isTakenBySchema(value) !== isTakenByCode(value))
    expect(variants.length).toBeGreaterThan(500)
    expect(disputed).toEqual([])
  })

  it('judges as the code does a key that is unknown at its place', () => {
    const objects = placesOf(EVERYTHING)
      .filter((place) => isObject(at(EVERYTHING, place)))
      .filter((place) => !isOpen(place))
    const variants = objects.map((place) => replaced(EVERYTHING, [...place, 'unknown'], 'x'))
    expect(variants.map(isTakenBySchema)).toEqual(variants.map(() => false))
    expect(variants.map(isTakenByCode)).toEqual(variants.map(() => false))
  })

  it('tells the defaults of the code', () => {
    const { refreshAfter, fallback } = mergeConfig([])
    expect(schema.else.properties['refreshAfter']).toMatchObject({ default: refreshAfter })
    expect(schema.$defs.fallback.default).toBe(fallback.kind)
  })

  it('takes every example of the README, as the code does', () => {
    const blocks = readFileSync('README.md', 'utf8').matchAll(/```json\n([\s\S]*?)```/g)
    const examples = [...blocks]
      .map(([, json = '']) => JSON.parse(json) as object)
      .filter((value) => !('credsStore' in value || 'credHelpers' in value))
    expect(examples.length).toBeGreaterThan(2)
    expect(examples.filter((value) => !isTakenBySchema(value))).toEqual([])
    expect(examples.filter((value) => !isTakenByCode(value))).toEqual([])
  })
})

// Where any name may stand, for a text.
function isOpen(place: Place): boolean {
  return /\.(requireAnnotations|createRepository\.tags)$/.test(place.join('.'))
}

function isTakenBySchema(value: unknown): boolean {
  return validate(value)
}

function isTakenByCode(value: unknown): boolean {
  try {
    mergeConfig([{ where: 'file', value }])
    return true
  } catch (error) {
    if (error instanceof UserError) return false
    throw error
  }
}

type Place = readonly string[]

/** Every place of a value, itself and its items included. */
function placesOf(value: unknown): Place[] {
  const inner = typeof value === 'object' && value !== null ? Object.entries(value) : []
  return [[], ...inner.flatMap(([key, own]) => placesOf(own).map((place) => [key, ...place]))]
}

function at(value: unknown, place: Place): unknown {
  return place.reduce<unknown>((own, key) => (own as Properties)[key], value)
}

/** A copy with another value at a place; `undefined` leaves it out. */
function replaced(value: unknown, place: Place, other: unknown): unknown {
  const [key, ...rest] = place
  if (key === undefined) return other ?? null
  const own = new Map(Object.entries(value as object))
  if (rest.length === 0 && other === undefined) own.delete(key)
  else own.set(key, replaced(own.get(key), rest, other))
  return Array.isArray(value) ? [...own.values()] : Object.fromEntries(own)
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
