import { beforeEach, describe, expect, it } from 'vitest'

import { DEVELOPER } from './stage/ecr.ts'
import { ALIAS, NOTED, STRANGERS } from './stage/names.ts'
import { useStage } from './stage/stage.ts'
import { newUser, type User } from './stage/user.ts'

const stage = useStage({})

const CONFIG = [
  '.config/ecr-cname/config.json',
  { dns: { trustedZones: ['company.test'] } },
] as const

describe('docker-credential-ecr-cname with a real DNS server', () => {
  let user: User
  const get = (host: string) => user.run('docker-credential-ecr-cname get', { stdin: host })

  beforeEach(async () => {
    user = await newUser(stage().world, DEVELOPER, CONFIG)
  })

  it('answers for a name that is an alias of a registry', async () => {
    expect((await get(ALIAS)).stdout).toContain('"Username":"AWS"')
  })

  it('answers for a name whose TXT record names a registry', async () => {
    expect((await get(NOTED)).stdout).toContain('"Username":"AWS"')
  })

  it('asks nothing about a name outside of the trusted zones, wherever it leads', async () => {
    expect((await get(STRANGERS)).stdout.trim()).toBe('credentials not found in native keychain')

    await get(ALIAS)
    const log = await stage().world.read('/run/log/dnsmasq')
    expect(log).toContain(ALIAS)
    expect(log).not.toContain(STRANGERS)
  })
})
