import { beforeEach, describe, expect, it } from 'vitest'

import { dockerOf } from './stage/docker.ts'
import { DEVELOPER } from './stage/ecr.ts'
import { startEngine } from './stage/engine.ts'
import { makeRootFilesystem } from './stage/image.ts'
import { ALIAS, CNAME } from './stage/names.ts'
import { useStage } from './stage/stage.ts'
import { digestInEcr } from './stage/tokens.ts'
import { newUser, type User } from './stage/user.ts'
import type { World } from './stage/world.ts'

const stage = useStage({
  programs: ['docker', 'dockerd', 'podman', 'buildah', 'skopeo', 'runc'],
  more: [startAll],
})

const CONFIG = ['.docker/config.json', { credsStore: 'ecr-cname' }] as const
const DOCKER = '/usr/bin/docker'
/** ECR's authority, and the company's, whose sidecar stands behind the name. */
const AUTHORITIES = '/run/authorities.pem'
const TRUSTING = { env: { NODE_EXTRA_CA_CERTS: AUTHORITIES } }

describe('what ecr-cname pull writes', () => {
  let user: User

  beforeEach(async () => {
    user = await newUser(stage().world, DEVELOPER, CONFIG)
    // podman wants the file that it is told of to be there.
    await stage().world.write(`${user.home}/auth.json`, '{}')
  })

  it('is loaded and run by docker', async () => {
    const docker = dockerOf(user, DOCKER)
    const { image, who } = await docker.pushNew(stage().world, CNAME)
    await user.succeed(`ecr-cname pull ${image} -o ${user.home}/app.tar`, TRUSTING)
    expect(await docker.succeed(`load --input ${user.home}/app.tar`)).toContain(image)
    expect(await docker.runImage(image)).toBe(who)
    await docker.succeed(`rmi ${image}`)
  })

  it.each(['docker', 'oci-archive'])('is loaded and run by podman, as %s', async (format) => {
    const docker = dockerOf(user, DOCKER)
    const { image, who } = await docker.pushNew(stage().world, CNAME)
    await user.succeed(
      `ecr-cname pull ${image} -o ${user.home}/app.tar --format ${format}`,
      TRUSTING,
    )
    expect(await user.succeed(`podman load --input ${user.home}/app.tar`)).toContain(image)
    expect(await runByPodman(user, image)).toBe(who)
    await user.succeed(`podman rmi ${image}`)
  })

  it('is a layout to skopeo, with the digest that the registry has', async () => {
    const docker = dockerOf(user, DOCKER)
    const { image, digest } = await docker.pushNew(stage().world, CNAME)
    await user.succeed(`ecr-cname pull ${image} -o ${user.home}/app --format oci`, TRUSTING)
    const told = await user.succeed(`skopeo inspect oci:${user.home}/app`)
    expect(JSON.parse(told)).toMatchObject({ Digest: digest })
  })

  it('comes straight from ECR by a name that is in the DNS an alias of it', async () => {
    const { image } = await dockerOf(user, DOCKER).pushNew(stage().world, CNAME)
    const alias = image.replace(CNAME, ALIAS)
    const registry = '123456789012.dkr.ecr.us-east-1.amazonaws.com'
    const env = { ECR_CNAME_MAP: `${ALIAS}=${registry}` }
    await user.succeed(`ecr-cname pull ${alias} -o ${user.home}/app.tar`, { env })
  })
})

describe('ecr-cname push', () => {
  let user: User

  beforeEach(async () => {
    user = await newUser(stage().world, DEVELOPER, CONFIG)
    // podman wants the file that it is told of to be there.
    await stage().world.write(`${user.home}/auth.json`, '{}')
  })

  it('takes what docker save writes, and docker pulls the same image', async () => {
    const docker = dockerOf(user, DOCKER)
    const { image, who } = await makeImage(user)
    const id = (await docker.succeed(`image inspect --format {{.Id}} ${image}`)).trim()
    await docker.succeed(`save --output ${user.home}/app.tar ${image}`)
    await docker.succeed(`rmi ${image}`)
    const digest = await push(user, image)
    expect(await docker.pull(image)).toBe(digest)
    expect((await docker.succeed(`image inspect --format {{.Id}} ${image}`)).trim()).toBe(id)
    expect(await docker.runImage(image)).toBe(who)
  })

  it.each([
    [
      'podman save',
      (image: string, to: string) => `podman save --format oci-archive -o ${to} ${image}`,
    ],
    [
      'skopeo copy',
      (image: string, to: string) => `skopeo copy containers-storage:${image} oci:${to}:1`,
    ],
  ])('takes what %s writes, and docker pulls it by the same digest', async (_, save) => {
    const docker = dockerOf(user, DOCKER)
    const { image, who } = await makeImage(user)
    await docker.succeed(`save --output ${user.home}/first.tar ${image}`)
    await user.succeed(`podman load --input ${user.home}/first.tar`)
    await docker.succeed(`rmi ${image}`)
    await user.succeed(save(image, `${user.home}/app.tar`))
    const digest = await push(user, image)
    expect(await docker.pull(image)).toBe(digest)
    expect(await docker.runImage(image)).toBe(who)
  })
})

/** An image that the engine has and no registry. */
async function makeImage(user: User) {
  const { who, tag, tar } = await makeRootFilesystem(stage().world)
  const image = `${CNAME}/team/app:${tag}`
  const run = 'CMD ["/bin/busybox", "cat", "/who"]'
  await user.succeed([DOCKER, 'import', '--change', run, tar, image])
  return { image, who }
}

/** Pushes `app.tar`; the digest, which ECR has for it, too. */
async function push(user: User, image: string) {
  const told = await user.succeed(
    `ecr-cname push ${user.home}/app.tar ${image} --json --quiet`,
    TRUSTING,
  )
  const { digest } = JSON.parse(told) as { digest: string }
  expect(await digestInEcr(user, image)).toBe(digest)
  return digest
}

function runByPodman(user: User, image: string) {
  const groups = `--cgroup-parent=/world-${stage().world.pid}`
  return user.succeed(`podman run --rm --network=none ${groups} ${image}`)
}

async function startAll(world: World) {
  const places = 'graphroot = "/run/containers/data"\nrunroot = "/run/containers/run"'
  await world.write('/etc/containers/storage.conf', `[storage]\ndriver = "overlay"\n${places}\n`)
  // crun wants control groups of one kind, and the machine may have both.
  const engine = 'runtime = "runc"\ncgroup_manager = "cgroupfs"'
  await world.write('/etc/containers/containers.conf', `[engine]\n${engine}\n`)
  await startEngine(world)
  const both = await Promise.all(['/run/amazon/ca.pem', '/run/company/ca.pem'].map(world.read))
  await world.write(AUTHORITIES, both.join('\n'))
}
