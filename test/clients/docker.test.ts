import { beforeEach, describe, expect, it } from 'vitest'

import { DEBIANS, dockerOf, DOCKERS, type Docker } from './stage/docker.ts'
import { DEVELOPER, STRANGER } from './stage/ecr.ts'
import { CONTAINERD, startEngine } from './stage/engine.ts'
import { ALIAS, CNAME, OPEN, OTHER } from './stage/names.ts'
import { LOGIN } from './stage/other-registries.ts'
import { useStage } from './stage/stage.ts'
import { digestInEcr, keepExpiredToken, tokenOf } from './stage/tokens.ts'
import { newUser, type User } from './stage/user.ts'

const stage = useStage({ programs: ['docker', 'dockerd', 'ctr'], more: [startEngine] })

const CONFIG = ['.docker/config.json', { credsStore: 'ecr-cname' }] as const

describe.each(DOCKERS)('docker $version with credsStore', ({ program }) => {
  let user: User
  let docker: Docker

  beforeEach(async () => {
    user = await newUser(stage().world, DEVELOPER, CONFIG)
    docker = dockerOf(user, program)
  })

  it('pushes an image, and pulls and runs the same one', async () => {
    const { image, who, digest } = await docker.pushNew(stage().world, CNAME)

    expect(await digestInEcr(user, image)).toBe(digest)
    expect(await docker.pull(image)).toBe(digest)
    expect(await docker.runImage(image)).toBe(who)
  })

  it('runs an image that has to be pulled first', async () => {
    const { image, who } = await docker.pushNew(stage().world, CNAME)

    expect(await docker.runImage(image)).toBe(who)
  })

  it('logs in without being told a name or a password', async () => {
    expect(await docker.succeed(`login ${CNAME}`)).toContain('Login Succeeded')
  })

  it('logs in with a token from the AWS CLI, and pulls with that one', async () => {
    const { image } = await docker.pushNew(stage().world, CNAME)
    await docker.succeed(`logout ${CNAME}`)
    const token = await user.succeed('aws ecr get-login-password')
    expect(await docker.login(CNAME, 'AWS', token)).toContain('Login Succeeded')
    const mints = await stage().ecr.mints()

    await docker.pull(image)
    expect(await stage().ecr.mints()).toBe(mints)
  })

  it('mints anew after a logout, and not before', async () => {
    const { image } = await docker.pushNew(stage().world, CNAME)
    const mints = await stage().ecr.mints()
    await docker.pull(image)
    expect(await stage().ecr.mints()).toBe(mints)

    expect(await docker.succeed(`logout ${CNAME}`)).toContain('Removing login credentials')
    await docker.pull(image)
    expect(await stage().ecr.mints()).toBe(mints + 1)
  })

  it('pulls on when the token of the last time has expired', async () => {
    const { image, digest } = await docker.pushNew(stage().world, CNAME)
    await keepExpiredToken(user, stage().ecr)

    expect(await docker.pull(image)).toBe(digest)
  })

  it('shows what AWS refuses', async () => {
    const stranger = await newUser(stage().world, STRANGER, CONFIG)
    const { code, stderr } = await dockerOf(stranger, program).run(`pull ${CNAME}/team/app:1`)

    expect(stderr).toContain('ecr:GetAuthorizationToken')
    expect(code).toBe(1)
  })

  it('shows what the registry refuses', async () => {
    const { code, stderr } = await docker.run(`pull ${CNAME}/team/none:1`)

    expect(stderr).toContain("The repository with name 'team/none' does not exist")
    expect(code).toBe(1)
  })

  it('builds from an image under the name of the company', async () => {
    const { image, who } = await docker.pushNew(stage().world, CNAME)
    await docker.build('built:1', `FROM ${image}`, 'RUN ["/bin/busybox", "cp", "/who", "/copy"]')

    expect(await docker.runImage('built:1', '/bin/busybox cat /copy')).toBe(who)
  })

  it('keeps a login to another registry, pushes and pulls with it, and forgets it', async () => {
    expect(await docker.login(OTHER, LOGIN.user, LOGIN.password)).toContain('Login Succeeded')
    const { image, who, digest } = await docker.pushNew(stage().world, OTHER)
    expect(await docker.pull(image)).toBe(digest)
    expect(await docker.runImage(image)).toBe(who)

    await docker.succeed(`logout ${OTHER}`)
    expect((await docker.run(`pull ${image}`)).stderr).toContain('no basic auth credentials')
  })

  it('builds from two registries at once, each with its own login', async () => {
    await docker.login(OTHER, LOGIN.user, LOGIN.password)
    const ours = await docker.pushNew(stage().world, CNAME)
    const theirs = await docker.pushNew(stage().world, OTHER)
    const from = [`FROM ${theirs.image} AS theirs`, `FROM ${ours.image}`]
    await docker.build('both:1', ...from, 'COPY --from=theirs /who /theirs')

    expect(await docker.runImage('both:1', '/bin/busybox cat /who /theirs')).toBe(
      ours.who + theirs.who,
    )
  })

  it('goes on without a login where there is none', async () => {
    const { image, digest } = await docker.pushNew(stage().world, OPEN)

    expect(await docker.pull(image)).toBe(digest)
  })

  it('stops at the certificate of ECR where no sidecar is', async () => {
    const { stderr } = await docker.run(`pull ${ALIAS}/team/app:1`)

    expect(stderr).toMatch(/x509: certificate is valid for \*\.dkr\.ecr\..*, not alias/)
  })
})

describe('ctr', () => {
  it('pulls and pushes with the token that the helper prints', async () => {
    const user = await newUser(stage().world, DEVELOPER, CONFIG)
    const { image, digest } = await dockerOf(user, DEBIANS).pushNew(stage().world, CNAME)
    const ctr = `ctr --address ${CONTAINERD} images`
    const login = `--user AWS:${await tokenOf(user)} --hosts-dir /etc/docker/certs.d`

    await user.succeed(`${ctr} pull ${login} ${image}`)
    await user.succeed(`${ctr} push ${login} ${image}-copy ${image}`)
    expect(await digestInEcr(user, `${image}-copy`)).toBe(digest)
  })
})
