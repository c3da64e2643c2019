import { describe, expect, it } from 'vitest'
import { readSettings } from '../../src/commands/serve/settings.ts'
import { mergeConfig } from '../../src/domain/config.ts'
import { UserError } from '../../src/domain/errors.ts'

const ECR = '123456789012.dkr.ecr.us-east-1.amazonaws.com'
const OTHER = '210987654321.dkr.ecr.eu-west-1.amazonaws.com'
const TLS = ['--tls-cert', 'cert.pem', '--tls-key', 'key.pem']

type Given = {
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly config?: unknown
}

function read({ args = [], env = {}, config = { registries: { 'a.test': ECR } } }: Given) {
  return readSettings(args, env, mergeConfig([{ where: 'config.json', value: config }]))
}

function failureOf(given: Given): UserError {
  try {
    read(given)
  } catch (error) {
    if (error instanceof UserError) return error
    throw error
  }
  throw new Error('taken')
}

function namesOf(given: Given): Record<string, string> {
  const { mappings } = read(given)
  return Object.fromEntries([...mappings].map(([name, { registry }]) => [name, registry.host]))
}

describe('the address of serve', () => {
  it('is 127.0.0.1:5000, with 127.0.0.1:9100 for those who run it', () => {
    expect(read({})).toMatchObject({
      listen: [{ host: '127.0.0.1', port: 5000 }],
      admin: { host: '127.0.0.1', port: 9100 },
      isAdminAsked: false,
    })
  })

  it('is that of the flags, else of PORT, else of the configuration', () => {
    const config = { registries: { 'a.test': ECR }, proxy: { listen: ['127.0.0.1:1', '[::1]:2'] } }
    expect(read({ config }).listen.map(({ port }) => port)).toEqual([1, 2])
    expect(read({ config, env: { PORT: '3' } }).listen).toEqual([{ host: '127.0.0.1', port: 3 }])
    const args = ['--listen', '127.0.0.1:4', '--listen', 'localhost:5']
    expect(read({ config, env: { PORT: '3' }, args }).listen.map(({ port }) => port)).toEqual([
      4, 5,
    ])
  })

  it.each(['5000', ':5000', '127.0.0.1', '127.0.0.1:', '127.0.0.1:65536', 'a b:1', '::1:5', '-:x'])(
    'is not %j',
    (text) => {
      expect(failureOf({ args: [`--listen=${text}`] })).toMatchObject({
        code: 'USAGE',
        message: `--listen: expected ADDR:PORT such as 127.0.0.1:5000, got "${text}"`,
      })
    },
  )

  it('from a variable is wrong in one line that names it', () => {
    expect(failureOf({ env: { PORT: 'http' } })).toMatchObject({
      code: 'CONFIG',
      message: 'PORT: expected ADDR:PORT such as 127.0.0.1:5000, got "127.0.0.1:http"',
    })
  })

  it.each(['127.0.0.1', '127.1.2.3', '[::1]', '[::ffff:127.0.0.1]', 'localhost'])(
    'may be %s without a certificate',
    (host) => {
      expect(read({ args: ['--listen', `${host}:1`] }).tls).toBeUndefined()
    },
  )

  it.each(['0.0.0.0', '[::]', '10.0.0.1', '128.0.0.1', 'docker.company.test', '[::ffff:10.0.0.1]'])(
    'is %s only with a certificate, for tokens would cross the network',
    (host) => {
      const args = ['--listen', `${host}:443`]
      expect(failureOf({ args }).message).toMatch(/plain HTTP would show tokens .* name --tls-cert/)
      expect(read({ args: [...args, ...TLS] }).listen).toEqual([{ host, port: 443 }])
    },
  )
})

describe('the certificate of serve', () => {
  it('is that of the flags, else of the environment, else of the configuration', () => {
    const config = { registries: { 'a.test': ECR }, proxy: { tlsCert: 'c1', tlsKey: 'k1' } }
    const env = { TLS_CERTIFICATE: 'c2', TLS_PRIVATE_KEY: 'k2' }
    expect(read({ config }).tls).toEqual([{ certFile: 'c1', keyFile: 'k1' }])
    expect(read({ config, env }).tls).toEqual([{ certFile: 'c2', keyFile: 'k2' }])
    expect(read({ config, env, args: TLS }).tls).toEqual([
      { certFile: 'cert.pem', keyFile: 'key.pem' },
    ])
  })

  it('is one of several, each with the key in the same place', () => {
    const proxy = { tlsCert: ['c1', 'c2'], tlsKey: ['k1', 'k2'] }
    const pairs = [
      { certFile: 'c1', keyFile: 'k1' },
      { certFile: 'c2', keyFile: 'k2' },
    ]
    expect(read({ config: { registries: { 'a.test': ECR }, proxy } }).tls).toEqual(pairs)
    const args = ['--tls-cert=c1', '--tls-cert=c2', '--tls-key=k1', '--tls-key=k2']
    expect(read({ args }).tls).toEqual(pairs)
    expect(failureOf({ args: args.slice(0, 3) }).message).toBe(
      '--tls-cert c2: its key (--tls-key) is not named; name both, in the same order',
    )
  })

  it('is not taken without its key, nor a key without its certificate', () => {
    expect(failureOf({ args: TLS.slice(0, 2) }).message).toMatch(/^--tls-cert cert\.pem: its key/)
    expect(failureOf({ env: { TLS_PRIVATE_KEY: 'k' } }).message).toMatch(
      /^TLS_PRIVATE_KEY k: its certificate/,
    )
  })
})

describe('the names that serve answers to', () => {
  const env = { REGISTRY: 'b.test', ECR_REGISTRY: OTHER }

  it('are those of the flags, else of the environment, else of the configuration', () => {
    const args = ['--registry', `C.Test:5000=${ECR}`, '--registry', `*.d.test=${OTHER}`]
    expect(namesOf({ args, env })).toEqual({ 'c.test:5000': ECR, '*.d.test': OTHER })
    expect(namesOf({ env })).toEqual({ 'b.test': OTHER })
    expect(namesOf({})).toEqual({ 'a.test': ECR })
  })

  it('keep what the configuration says of the same name and registry', () => {
    const config = { registries: { 'a.test': { registry: ECR, connect: 'vpce.test:8443' } } }
    const connectOf = (registry: string) =>
      read({ config, args: ['--registry', `a.test=${registry}`] }).mappings.get('a.test')?.connect
    expect(connectOf(ECR)).toEqual({ host: 'vpce.test', port: 8443 })
    expect(connectOf(OTHER)).toBeUndefined()
  })

  it.each([
    ['no ECR host', 'registry.test', /--registry: .*expected an ECR host .*got "registry\.test"/],
    ['a host that contains one', `${ECR}.evil.test`, /expected an ECR host/],
    ['the public gallery', 'public.ecr.aws', /can't be served: it is the public gallery/],
    [
      "an endpoint's name",
      'vpce-0a1b.dkr.ecr.eu-west-1.vpce.amazonaws.com',
      /ECR refuses an endpoint's name as Host; name the registry, and .*"connect"/,
    ],
  ])('are not mapped to %s', (_, registry, message) => {
    expect(failureOf({ args: ['--registry', `a.test=${registry}`] })).toMatchObject({
      code: 'CONFIG',
      message: expect.stringMatching(message) as string,
    })
  })

  it.each(['a.test', `=${ECR}`, 'a.test=', `a=b=${ECR}`])('are not read from %s', (flag) => {
    expect(failureOf({ args: ['--registry', flag] }).message).toMatch(/expected HOST=ECR_HOST/)
  })

  it('need both variables', () => {
    expect(failureOf({ env: { REGISTRY: 'b.test' } }).message).toBe(
      'REGISTRY is set, but not ECR_REGISTRY; set both, or neither',
    )
  })

  it('leave out, and tell of, what the configuration has for the helper alone', () => {
    const config = { registries: { 'a.test': ECR, 'p.test': 'public.ecr.aws' } }
    expect(namesOf({ config })).toEqual({ 'a.test': ECR })
    expect(read({ config }).left).toEqual(['p.test'])
  })

  it('are at least one', () => {
    expect(failureOf({ config: {} }).message).toMatch(/^serve: no registry to serve; name one with/)
  })
})

describe('serve', () => {
  it('counts in CloudWatch when it is given a namespace, in the region of REGION', () => {
    expect(read({ env: { REGION: 'eu-west-1' } }).cloudwatch).toBeUndefined()
    const args = ['--cloudwatch', 'Custom/ecr']
    expect(read({ args }).cloudwatch).toEqual({ namespace: 'Custom/ecr' })
    expect(read({ args, env: { REGION: 'eu-west-1' } }).cloudwatch).toEqual({
      namespace: 'Custom/ecr',
      region: 'eu-west-1',
    })
    const config = { registries: { 'a.test': ECR }, proxy: { cloudwatch: 'Company/Images' } }
    expect(read({ config }).cloudwatch).toEqual({ namespace: 'Company/Images' })
  })

  it.each(['AWS/ECR', '', ' ', 'a'.repeat(256), 'a\nb', 'é'])(
    'does not take %j for a namespace of its own',
    (namespace) => {
      expect(failureOf({ args: ['--cloudwatch', namespace] })).toMatchObject({
        code: 'USAGE',
        message: expect.stringMatching(/^--cloudwatch: expected (a )?namespace/i) as string,
      })
    },
  )

  it('fetches layers when it is told to, from hosts of the configuration too', () => {
    const proxy = { blobs: 'stream', blobHosts: ['s3.company.test', 's3.company.test:8443'] }
    expect(read({}).blobHosts).toBeUndefined()
    expect(read({ args: ['--blobs', 'stream'] }).blobHosts).toEqual([])
    expect(read({ config: { registries: { 'a.test': ECR }, proxy } }).blobHosts).toEqual([
      { host: 's3.company.test' },
      { host: 's3.company.test', port: 8443 },
    ])
  })

  it('takes what is so anyway', () => {
    expect(read({ args: ['--auth', 'passthrough', '--blobs', 'redirect'] }).readOnly).toBe(false)
  })

  it('reads the rest from flags, else from the configuration', () => {
    const proxy = { readOnly: true, admin: '127.0.0.1:1', drain: 5, logFormat: 'pretty' }
    const config = { registries: { 'a.test': ECR }, proxy }
    expect(read({ config })).toMatchObject({
      readOnly: true,
      admin: { port: 1 },
      isAdminAsked: true,
      drainMs: 5000,
      logFormat: 'pretty',
    })
    const args = ['--admin', '0.0.0.0:2', '--drain', '0.5', '--log-format', 'json']
    expect(read({ config, args })).toMatchObject({
      admin: { host: '0.0.0.0', port: 2 },
      drainMs: 500,
      logFormat: 'json',
    })
    expect(read({}).drainMs).toBe(30_000)
  })

  it.each([
    [['--nonsense'], /^serve: Unknown option '--nonsense'/],
    [['docker.company.test'], /^serve: it takes options only/],
    [['--drain', 'soon'], /^--drain: expected a number of seconds, got "soon"$/],
    [['--drain', '-1'], /--drain/],
    [['--log-format', 'xml'], /^--log-format: expected json or pretty, got "xml"$/],
    [['--auth', 'none'], /^--auth: expected passthrough or inject, got "none"$/],
    [['--admin', '9100'], /^--admin: expected ADDR:PORT/],
  ])('is used wrongly with %j', (args, message) => {
    const failure = failureOf({ args })
    expect(failure.code).toBe('USAGE')
    expect(failure.message).toMatch(message)
  })
})

describe('--auth inject', () => {
  const inject = ['--auth', 'inject']
  const open = [...inject, '--listen', '0.0.0.0:443', ...TLS]

  it('is for anyone on loopback', () => {
    expect(read({ args: inject }).inject).toEqual({})
    expect(read({ env: { ECR_CNAME_PROXY_AUTH: 'inject' } }).inject).toEqual({})
    expect(read({}).inject).toBeUndefined()
  })

  it('is not served to a network without clients, whatever else listens', () => {
    const message =
      '0.0.0.0:443: with --auth inject whoever reaches it pulls and pushes in the name of this machine, so without --clients or --client-ca it is served on loopback only; name one of them'
    expect(failureOf({ args: open })).toMatchObject({ code: 'SERVE', message })
    expect(failureOf({ args: ['--listen', '127.0.0.1:1', ...open] }).message).toBe(message)
  })

  it('is served to a network with clients or who signs them', () => {
    const args = [...open, '--clients', 'htpasswd']
    expect(read({ args }).inject).toEqual({ clientsFile: 'htpasswd' })
    expect(read({ args: [...open, '--client-ca', 'ca.pem'] }).inject).toEqual({
      clientCaFile: 'ca.pem',
    })
  })

  it('takes clients and their rights from the configuration', () => {
    const allow = { alice: ['team-a/*:pull,push', '*:pull'] }
    const proxy = { auth: 'inject', clients: 'htpasswd', allow }
    expect(read({ config: { registries: { 'a.test': ECR }, proxy } }).inject).toMatchObject({
      clientsFile: 'htpasswd',
      allow: new Map([
        [
          'alice',
          [
            { pattern: 'team-a/*', rights: ['pull', 'push'] },
            { pattern: '*', rights: ['pull'] },
          ],
        ],
      ]),
    })
  })

  it('sees certificates of clients over TLS alone', () => {
    expect(failureOf({ args: [...inject, '--client-ca', 'ca.pem'] }).message).toMatch(
      /^--client-ca: clients show certificates in TLS alone; name --tls-cert/,
    )
  })

  it.each([
    ['--clients', ['--clients', 'htpasswd'], {}],
    ['--client-ca', [...TLS, '--client-ca', 'ca.pem'], {}],
    ['proxy.allow', [], { allow: { alice: ['*:pull'] } }],
  ])('is what %s is for, and nothing else', (where, args, proxy) => {
    const config = { registries: { 'a.test': ECR }, proxy }
    expect(failureOf({ args, config }).message).toBe(
      `${where}: with passthrough ECR itself decides who may do what; add --auth inject, or leave it out`,
    )
  })
})

describe('the limits of serve', () => {
  it('have defaults', () => {
    expect(read({}).limits).toEqual({
      connections: 4096,
      connectionsPerClient: 1024,
      headerBytes: 65_536,
      urlBytes: 16_384,
      idleMs: 75_000,
    })
  })

  it('are those of the flags, else of the configuration', () => {
    const proxy = {
      maxConnections: 1,
      maxConnectionsPerClient: 2,
      maxHeader: 3,
      maxUrl: 4,
      idle: 5,
    }
    const config = { registries: { 'a.test': ECR }, proxy }
    const args = ['--max-url', '7', '--idle', '0.5']
    expect(read({ config, args }).limits).toEqual({
      connections: 1,
      connectionsPerClient: 2,
      headerBytes: 3,
      urlBytes: 7,
      idleMs: 500,
    })
  })

  it.each(['0', '-1', '1.5', 'many'])('are not %j', (text) => {
    expect(failureOf({ args: [`--max-connections=${text}`] }).message).toMatch(
      /^--max-connections: expected a whole number above 0/,
    )
  })
})
