import { beforeEach, describe, expect, it } from 'vitest'

import { dockerOf } from './stage/docker.ts'
import { DEVELOPER, STRANGER } from './stage/ecr.ts'
import { startEngine } from './stage/engine.ts'
import { ALIAS, CNAME, ECR } from './stage/names.ts'
import { useStage } from './stage/stage.ts'
import { newUser, type User } from './stage/user.ts'

const stage = useStage({
  programs: ['docker', 'dockerd', 'podman', 'buildah', 'skopeo'],
  more: [startEngine],
})

const NOTHING = ['.docker/config.json', {}] as const

type Config = { readonly auths?: Readonly<Record<string, { readonly auth: string }>> }

describe.each([
  { engine: 'docker', file: '.docker/config.json' },
  { engine: 'podman', file: 'auth.json' },
  { engine: 'buildah', file: 'auth.json' },
  { engine: 'skopeo', file: 'auth.json' },
])('ecr-cname login with $engine', ({ engine, file }) => {
  let user: User
  const login = (...args: readonly string[]) =>
    user.run(['ecr-cname', 'login', '--tool', engine, ...args])
  const auths = async () =>
    (JSON.parse(await stage().world.read(`${user.home}/${file}`)) as Config).auths ?? {}

  beforeEach(async () => {
    user = await newUser(stage().world, DEVELOPER, NOTHING)
  })

  it('logs in through the sidecar, and to ECR itself', async () => {
    const { code, stdout, stderr } = await login(CNAME, ECR)

    expect([code, stderr.includes('rror')]).toEqual([0, false])
    expect(stdout).toContain(`${engine}: logged in to ${CNAME} as AWS for 1`)
    const token = (await user.succeed(`ecr-cname token ${CNAME}`)).trim()
    expect((await auths())[CNAME]).toEqual({ auth: btoa(`AWS:${token}`) })
    expect(Object.keys(await auths()).sort()).toEqual([ECR, CNAME])
  })

  it('says what the engine stopped at, in one line', async () => {
    await stage().world.write(
      `${user.home}/.config/ecr-cname/config.json`,
      JSON.stringify({ registries: { [ALIAS]: ECR } }),
    )
    const { code, stdout, stderr } = await login(ALIAS)

    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(
      new RegExp(`^ecr-cname: ${engine} login ${ALIAS} failed: .*x509: .*\\n$`),
    )
  })

  it('does not come so far where AWS refuses', async () => {
    user = await newUser(stage().world, STRANGER, NOTHING)
    const { code, stderr } = await login(CNAME)

    expect(code).toBe(1)
    expect(stderr).toContain('may not call ecr:GetAuthorizationToken')
  })
})

describe('ecr-cname dockercfg', () => {
  it('writes logins that docker and skopeo push and pull with, as file and as archive', async () => {
    const { world } = stage()
    const user = await newUser(world, DEVELOPER, NOTHING)
    const docker = dockerOf(user, '/usr/bin/docker')
    await user.succeed(`ecr-cname dockercfg ${user.home}/.docker/config.json`)
    const { image, digest } = await docker.pushNew(world, CNAME)
    expect(await docker.pull(image)).toBe(digest)

    await user.succeed('ecr-cname dockercfg --format dcos /run/tmp/docker.tar.gz')
    await user.succeed('mkdir -p /run/tmp/sandbox')
    await user.succeed('tar -xzf /run/tmp/docker.tar.gz -C /run/tmp/sandbox')
    const behind = image.replace(CNAME, ECR)
    const inspect = 'skopeo inspect --authfile /run/tmp/sandbox/.docker/config.json'
    expect(await user.succeed(`${inspect} docker://${behind}`)).toContain(digest)
  })
})

describe('ecr-cname map --system', () => {
  it('changes the file that all users read', async () => {
    const user = await newUser(stage().world, DEVELOPER, NOTHING)
    const file = '/etc/ecr-cname/config.json'
    await user.succeed(`ecr-cname map add --system system.company.test ${ECR}`)
    const { stderr } = await user.run('ecr-cname map rm system.company.test')

    expect(stderr).toContain(`but in ${file}; give --system`)
    await user.succeed('ecr-cname map rm --system system.company.test')
    expect(JSON.parse(await stage().world.read(file))).toEqual({ registries: { [CNAME]: ECR } })
  })
})
