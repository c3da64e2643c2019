import { describe, expect, it } from 'vitest'
import { mergeConfig } from '../../src/domain/config.ts'

const ECR = '123456789012.dkr.ecr.us-east-1.amazonaws.com'
const OTHER = '210987654321.dkr.ecr.eu-west-1.amazonaws.com'

function read(...values: readonly unknown[]) {
  return mergeConfig(values.map((value, index) => ({ where: `file${index + 1}`, value })))
}

describe('the configuration', () => {
  it('has defaults', () => {
    expect(read()).toEqual({
      mappings: new Map(),
      dns: { trustedZones: [], servers: [] },
      fallback: { kind: 'file' },
      refreshAfter: 0.5,
      proxy: {},
    })
  })

  it('gives every setting of a mapping', () => {
    const settings = {
      registry: OTHER,
      profile: 'prod',
      roleArn: 'arn:aws:iam::210987654321:role/pull',
      roleSessionName: 'ci',
      externalId: 'x',
      connect: 'vpce-0a1b.dkr.ecr.eu-west-1.vpce.amazonaws.com:8443',
    }
    const { mappings } = read({ registries: { 'Images.Company.com': settings } })
    expect(mappings.get('images.company.com')).toMatchObject({
      ...settings,
      name: 'images.company.com',
      registry: { host: OTHER, account: '210987654321', region: 'eu-west-1' },
      connect: { host: 'vpce-0a1b.dkr.ecr.eu-west-1.vpce.amazonaws.com', port: 8443 },
    })
  })

  it.each(['team-a', '/team-a/', 'team-a//', 'Team/', '../', ''])(
    'takes no prefix of repositories such as %j',
    (prefix) => {
      expect(() => read({ registries: { 'a.example': { registry: ECR, prefix } } })).toThrow(
        /^file1: registries\."a\.example"\.prefix: expected/,
      )
    },
  )

  it('takes a prefix of repositories', () => {
    const { mappings } = read({ registries: { 'a.example': { registry: ECR, prefix: 'a-1/b/' } } })
    expect(mappings.get('a.example')).toMatchObject({ prefix: 'a-1/b/' })
  })

  it('names replicas of a registry, each with where sockets go if that is elsewhere', () => {
    const replicas = [OTHER, { registry: OTHER, connect: '10.0.0.1:8443' }]
    const { mappings } = read({ registries: { 'a.example': { registry: ECR, replicas } } })
    expect(mappings.get('a.example')?.replicas).toMatchObject([
      { registry: { host: OTHER } },
      { registry: { host: OTHER }, connect: { host: '10.0.0.1', port: 8443 } },
    ])
    expect(() =>
      read({ registries: { 'a.example': { registry: ECR, replicas: ['public.ecr.aws'] } } }),
    ).toThrow(/replicas\[0\]: expected the registry of an account/)
  })

  it('lets the later source win, key by key under registries', () => {
    const { mappings, fallback } = read(
      { registries: { 'a.example': ECR, 'b.example': ECR }, fallback: 'none' },
      { registries: { 'b.example': OTHER } },
    )
    expect([...mappings.values()].map(({ name, registry }) => [name, registry.host])).toEqual([
      ['a.example', ECR],
      ['b.example', OTHER],
    ])
    expect(fallback).toEqual({ kind: 'none' })
  })

  it('reads the plain shape of earlier tools', () => {
    expect(read({ 'docker.company.com': ECR }).mappings.get('docker.company.com')).toMatchObject({
      registry: { host: ECR },
    })
  })

  it('tells which entry of the plain shape is wrong', () => {
    expect(() => read({ 'docker.company.com': ECR, 'b.example': 5 })).toThrow(
      /"b\.example": expected/,
    )
  })

  it('tells a name without a dot in the plain shape, which has none', () => {
    expect(() => read({ 'docker.company.com': ECR, docker: ECR })).toThrow(
      /^file1: docker: unknown key, expected a name with a dot, or all names under registries$/,
    )
    expect(() => read({ 'docker.company.com': ECR, fallback: 'none' })).toThrow(
      /^file1: "docker\.company\.com": unknown key, expected registries, dns/,
    )
  })

  it('takes an ECR host as a name that is its own registry', () => {
    expect(read({ registries: { [ECR]: { profile: 'dev' } } }).mappings.get(ECR)).toMatchObject({
      profile: 'dev',
      registry: { host: ECR },
    })
  })

  it('names internationalised hosts by their A-label, and drops the usual port', () => {
    const { mappings } = read({ registries: { 'Bücher.example:443': ECR, 'b.example:5000': ECR } })
    expect([...mappings.keys()]).toEqual(['xn--bcher-kva.example', 'b.example:5000'])
  })

  it('takes a helper by name as the fallback', () => {
    expect(read({ fallback: 'secretservice' }).fallback).toEqual({
      kind: 'helper',
      name: 'secretservice',
    })
  })

  it.each([
    [[], 'file1: the top level: expected an object, got []'],
    [{ registry: {} }, /^file1: registry: unknown key, expected registries, dns/],
    [{ registries: [] }, 'file1: registries: expected an object, got []'],
    [
      { registries: { 'a.example': 'docker.io' } },
      /^file1: registries\."a\.example": expected an ECR host such as .*, got "docker\.io"$/,
    ],
    [
      { registries: { 'a.example': { profile: 'x' } } },
      /^file1: registries\."a\.example"\.registry: expected an ECR host .*, got nothing$/,
    ],
    [
      { registries: { 'a.example': { registry: ECR, secret: 'hush' } } },
      /^file1: registries\."a\.example"\.secret: unknown key, expected (?:(?!hush).)*$/,
    ],
    [{ registries: { 'a b': ECR } }, /registries\.a b: expected a host, host:port or \*\.zone/],
    [
      { registries: { 'a.example': { registry: ECR, roleArn: 'pull' } } },
      /roleArn: expected a role such as arn:aws:iam::123456789012:role\/pull, got "pull"$/,
    ],
    [
      { registries: { 'a.example': { registry: ECR, connect: 'x y' } } },
      /connect: expected a host or host:port/,
    ],
    [
      { dns: { trustedZones: 'company.com' } },
      'file1: dns.trustedZones: expected a list, got "company.com"',
    ],
    [
      { dns: { servers: ['ns.company.com'] } },
      /dns\.servers\[0\]: expected an address or address:port/,
    ],
    [{ dns: { servers: ['10.0.0'] } }, /dns\.servers\[0\]: expected an address or address:port/],
    [{ proxy: { listen: [] } }, /proxy\.listen: expected at least one ADDR:PORT, got \[\]/],
    [{ registries: { 'a.example': `${ECR}/team` } }, /expected an ECR host/],
    [{ fallback: 'ecr-cname' }, /fallback: expected another helper than this one/],
    [{ fallback: '../evil' }, /fallback: expected "file", "none" or a helper's name/],
    [{ refreshAfter: 0 }, 'file1: refreshAfter: expected a number above 0 and up to 1, got 0'],
    [{ refreshAfter: '1' }, /refreshAfter: expected a number/],
    [
      { proxy: { auth: 'open' } },
      'file1: proxy.auth: expected "passthrough" or "inject", got "open"',
    ],
    [{ proxy: { port: 1 } }, /^file1: proxy\.port: unknown key, expected listen, tlsCert/],
  ])('refuses %j in one line: file, key, expected', (value, line) => {
    expect(() => read(value)).toThrow(line)
  })
})
