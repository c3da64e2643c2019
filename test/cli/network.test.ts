import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { isDirect } from '../../src/aws/agents.ts'
import { REFUSALS, startRefusingProxy } from '../support/proxy.ts'
import { ECR, emulated, newUser } from '../support/user.ts'

/** A proxy that opens tunnels, to one place whatever name it is asked for, after what it refuses. */
async function startProxy(port: number) {
  const asked: string[] = []
  const refusals: number[] = []
  const proxy = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    response.writeHead(400).end()
  })
  proxy.on('connect', (request, client) => {
    asked.push(`CONNECT ${request.url} ${request.headers['proxy-authorization'] ?? ''}`.trim())
    const status = refusals.shift()
    if (status !== undefined) {
      client.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\n\r\n`)
      return
    }
    const upstream = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n')
      client.pipe(upstream).pipe(client)
    })
    upstream.on('error', () => client.destroy())
    client.on('error', () => upstream.destroy())
  })
  await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done))
  onTestFinished(() => {
    proxy.close()
    proxy.closeAllConnections()
  })
  return { asked, refusals, url: `127.0.0.1:${(proxy.address() as AddressInfo).port}` }
}

async function behindProxy(kind: 'keys' | 'imds' | 'container') {
  const emulator = await emulated()
  const proxy = await startProxy(emulator.ports.apiTls)
  const user = newUser(emulator, kind)
  for (const name of Object.keys(user.env)) {
    if (name.startsWith('AWS_ENDPOINT_URL')) user.env[name] = emulator.apiTlsUrl
  }
  user.env['HTTPS_PROXY'] = `http://me:pw@${proxy.url}`
  return { emulator, proxy, user }
}

describe('the endpoint of the ECR API', () => {
  it.each([
    ['123456789012.dkr.ecr.eu-west-1.amazonaws.com', 'api.ecr.eu-west-1.amazonaws.com'],
    [
      '123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com',
      'api.ecr-fips.us-gov-west-1.amazonaws.com',
    ],
    ['123456789012.dkr-ecr.eu-west-1.on.aws', 'ecr.eu-west-1.api.aws'],
    ['123456789012.dkr-ecr-fips.us-east-2.on.aws', 'ecr-fips.us-east-2.api.aws'],
    ['123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn', 'api.ecr.cn-north-1.amazonaws.com.cn'],
    [
      '123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn',
      'ecr.cn-north-1.api.amazonwebservices.com.cn',
    ],
    ['123456789012.dkr.ecr.eusc-de-east-1.amazonaws.eu', 'api.ecr.eusc-de-east-1.amazonaws.eu'],
    ['123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov', 'api.ecr.us-iso-east-1.c2s.ic.gov'],
    ['123456789012.dkr.ecr.us-isob-east-1.sc2s.sgov.gov', 'api.ecr.us-isob-east-1.sc2s.sgov.gov'],
    ['123456789012.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk', 'api.ecr.eu-isoe-west-1.cloud.adc-e.uk'],
    [
      '123456789012.dkr.ecr.us-isof-south-1.csp.hci.ic.gov',
      'api.ecr.us-isof-south-1.csp.hci.ic.gov',
    ],
    ['vpce-0a1b.dkr.ecr.eu-west-1.vpce.amazonaws.com', 'api.ecr.eu-west-1.amazonaws.com'],
    ['public.ecr.aws', 'api.ecr-public.us-east-1.amazonaws.com'],
  ])('for %s is %s', async (host, endpoint) => {
    const { proxy, user } = await behindProxy('keys')
    for (const name of Object.keys(user.env)) {
      if (name.startsWith('AWS_ENDPOINT_URL')) delete user.env[name]
    }
    // The certificate that is found behind the tunnel is not that name's, so this is all there is.
    await user.run('get', host)
    expect(proxy.asked[0]).toMatch(new RegExp(`^CONNECT ${endpoint}:443 `))
  })
})

describe('HTTPS_PROXY', () => {
  it('is the way to ECR, its credentials included', async () => {
    const { emulator, proxy, user } = await behindProxy('keys')
    await user.secret(ECR)
    expect(proxy.asked).toEqual([
      `CONNECT 127.0.0.1:${emulator.ports.apiTls} Basic ${btoa('me:pw')}`,
    ])
  })

  it.each(['imds', 'container'] as const)(
    'is never the way to credentials from %s',
    async (kind) => {
      const { proxy, user } = await behindProxy(kind)
      user.env['HTTP_PROXY'] = 'http://127.0.0.1:1'
      await user.secret(ECR)
      expect(proxy.asked).toHaveLength(1)
    },
  )

  it('is not the way to hosts in NO_PROXY', async () => {
    const { proxy, user } = await behindProxy('keys')
    user.env['NO_PROXY'] = 'localhost, 127.0.0.0/8'
    await user.secret(ECR)
    expect(proxy.asked).toEqual([])
  })

  it.each(REFUSALS)('that leads nowhere (%s) is one clear line', async (status, line) => {
    const { user } = await behindProxy('keys')
    user.env['HTTPS_PROXY'] = await startRefusingProxy(status)
    const { stdout, exitCode } = await user.run('get', ECR)
    expect(exitCode).toBe(1)
    expect(stdout).toMatch(line)
    expect(stdout.trim().split('\n')).toHaveLength(1)
    expect(stdout).not.toContain('hush')
  })

  it('is tried again where it does not get there for a moment', async () => {
    const { proxy, user } = await behindProxy('keys')
    proxy.refusals.push(502, 503, 504)
    await user.secret(ECR)
    expect(proxy.asked).toHaveLength(4)
  })

  it('that does not get there at all is one clear line', async () => {
    const { user } = await behindProxy('keys')
    user.env['HTTPS_PROXY'] = await startRefusingProxy(503)
    const { stdout, exitCode } = await user.run('get', ECR)
    expect(exitCode).toBe(1)
    expect(stdout).toMatch(
      /: can't reach .*\(EHOSTUNREACH\); check the network, HTTPS_PROXY or .*\n$/,
    )
    expect(stdout).not.toContain('hush')
  })

  it('that is no URL is one clear line that does not show it', async () => {
    const { user } = await behindProxy('keys')
    user.env['HTTPS_PROXY'] = 'http://me:hush@:x'
    const { stdout } = await user.run('get', ECR)
    expect(stdout).toMatch(/^HTTPS_PROXY: expected a proxy such as http/)
    expect(stdout).not.toContain('hush')
  })
})

describe('NO_PROXY', () => {
  it.each([
    ['*', 'a.test', 443, true],
    ['a.test', 'a.test', 443, true],
    ['a.test', 'b.a.test', 443, true],
    ['.a.test', 'b.a.test', 443, true],
    ['*.a.test', 'b.a.test', 443, true],
    ['A.Test', 'a.test', 443, true],
    ['a.test', 'ba.test', 443, false],
    ['a.test:443', 'a.test', 443, true],
    ['a.test:8443', 'a.test', 443, false],
    ['10.0.0.0/8', '10.1.2.3', 443, true],
    ['10.0.0.0/8', '11.1.2.3', 443, false],
    ['10.0.0.0/99', '10.1.2.3', 443, false],
    ['10.1.2.3', '10.1.2.3', 443, true],
    ['fd00::/8', 'fd00:ec2::254', 443, true],
    ['::1', '[::1]', 443, true],
  ])('%s, asked for %s:%d: direct is %s', (entry, host, port, direct) => {
    expect(isDirect([entry], host, port)).toBe(direct)
  })
})
