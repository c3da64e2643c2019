import { describe, expect, it } from 'vitest'
import { startNameServer, type Zone } from '../support/dns.ts'
import { CNAME, ECR, emulated, newUser, NOT_FOUND } from '../support/user.ts'

async function withZone(zone: Zone | 'broken', trustedZones: readonly string[]) {
  const emulator = await emulated()
  const user = newUser(emulator)
  const server = await startNameServer(zone)
  user.configure({ dns: { trustedZones, servers: [server.address] } })
  return { emulator, user, server }
}

describe('a host of a trusted zone', () => {
  it('leads where its CNAME does, and the second time no DNS is asked', async () => {
    const { user, server } = await withZone({ [CNAME]: { CNAME: ECR } }, ['company.test'])
    const token = await user.secret(CNAME)
    expect(server.questions).toEqual([`CNAME ${CNAME}`])
    expect(await user.secret(CNAME)).toBe(token)
    expect(server.questions).toHaveLength(1)
  })

  it('leads where a chain of CNAMEs inside the zone does', async () => {
    const zone = { [CNAME]: { CNAME: 'ecr.company.test' }, 'ecr.company.test': { CNAME: ECR } }
    const { user } = await withZone(zone, ['company.test'])
    expect(await user.secret(CNAME)).toMatch(/./)
  })

  it('leads where its TXT record does when there is no CNAME', async () => {
    const zone = { [`_ecr-cname.${CNAME}`]: { TXT: `registry=${ECR}` } }
    const { user, server } = await withZone(zone, ['company.test'])
    expect(await user.secret(`https://${CNAME}/v2/`)).toMatch(/./)
    expect(server.questions).toEqual([`CNAME ${CNAME}`, `TXT _ecr-cname.${CNAME}`])
  })

  it('leads where its TXT record does when the server will not say whether there is a CNAME', async () => {
    const noted = { [`_ecr-cname.${CNAME}`]: { TXT: `registry=${ECR}` } }
    const { user } = await withZone({ [CNAME]: { refused: true }, ...noted }, ['company.test'])
    expect(await user.secret(CNAME)).toMatch(/./)
    const other = await withZone({ [CNAME]: { refused: true } }, ['company.test'])
    expect((await other.user.run('get', CNAME)).stdout).toContain('gave no answer (EREFUSED)')
  })

  it.each([
    [
      'leaves the zone before it reaches ECR',
      { [CNAME]: { CNAME: 'x.evil.test' }, 'x.evil.test': { CNAME: ECR } },
    ],
    ['ends somewhere else', { [CNAME]: { CNAME: 'ghcr.company.test' } }],
    ['goes in a circle', { [CNAME]: { CNAME: CNAME } }],
    ['names a registry that is none', { [`_ecr-cname.${CNAME}`]: { TXT: 'registry=ghcr.io' } }],
    ['does not exist', {}],
  ] as const)('is not ours when its record %s', async (_, zone) => {
    const { emulator, user } = await withZone(zone, ['company.test'])
    expect(await user.run('get', CNAME)).toMatchObject({
      exitCode: 1,
      stdout: NOT_FOUND,
      stderr: '',
    })
    expect(emulator.calls).toEqual([])
  })

  it('keeps a login of its own, for which no DNS is asked', async () => {
    const { user, server } = await withZone({}, ['company.test'])
    const login = { ServerURL: 'git.company.test', Username: 'me', Secret: 's3cret' }
    await user.run('store', JSON.stringify(login))
    server.questions.length = 0
    expect(await user.secret('git.company.test')).toBe('s3cret')
    expect(server.questions).toEqual([])
  })

  it('fails with one clear line when no server answers', async () => {
    const { user } = await withZone('broken', ['company.test'])
    const { exitCode, stdout } = await user.run('get', CNAME)
    expect(exitCode).toBe(1)
    expect(stdout).toMatch(
      /^docker\.company\.test: the DNS servers gave no answer \(\w+\); check dns\.servers/,
    )
  })
})

describe('a host of any other zone', () => {
  it.each([
    ['another zone', ['other.test']],
    ['a zone that only ends alike', ['pany.test']],
    ['none', []],
  ])('is never looked up: trusted is %s', async (_, trustedZones) => {
    const { user, server } = await withZone({ [CNAME]: { CNAME: ECR } }, trustedZones)
    expect(await user.run('get', CNAME)).toMatchObject({ exitCode: 1, stdout: NOT_FOUND })
    expect(server.questions).toEqual([])
  })
})
