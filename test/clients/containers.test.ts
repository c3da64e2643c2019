import { beforeEach, describe, expect, it } from 'vitest'

import { keepImagesInMemory } from './stage/containers.ts'
import { DEVELOPER, STRANGER } from './stage/ecr.ts'
import { makeRootFilesystem } from './stage/image.ts'
import { CNAME } from './stage/names.ts'
import { useStage } from './stage/stage.ts'
import { digestInEcr, keepExpiredToken } from './stage/tokens.ts'
import { newUser, type User } from './stage/user.ts'

const stage = useStage({
  programs: ['podman', 'buildah', 'skopeo', 'runc'],
  more: [keepImagesInMemory],
})

const AUTH = ['auth.json', { credHelpers: { [CNAME]: 'ecr-cname' } }] as const
const DIGEST_FILE = '/run/tmp/digest'

type Client = {
  readonly name: string
  /** Leaves the digest in `DIGEST_FILE`. */
  readonly push: (image: string) => string
  readonly pull: (image: string) => string
}

const CLIENTS: readonly Client[] = [
  {
    name: 'podman',
    push: (image) => `podman push --digestfile ${DIGEST_FILE} ${image}`,
    pull: (image) => `podman pull ${image}`,
  },
  {
    name: 'buildah',
    push: (image) => `buildah push --digestfile ${DIGEST_FILE} ${image}`,
    // It is content with an image that is here already, unless told otherwise.
    pull: (image) => `buildah pull --policy=always ${image}`,
  },
  {
    name: 'skopeo',
    push: (image) =>
      `skopeo copy --digestfile ${DIGEST_FILE} containers-storage:${image} docker://${image}`,
    pull: (image) => `skopeo copy docker://${image} containers-storage:${image}`,
  },
]

describe.each(CLIENTS)('$name with credHelpers', ({ name, push, pull }) => {
  let user: User

  beforeEach(async () => {
    user = await newUser(stage().world, DEVELOPER, AUTH)
  })

  it('pushes an image, and pulls the same one', async () => {
    const { image } = await commitImage(user)
    await user.succeed(push(image))
    const digest = await stage().world.read(DIGEST_FILE)
    expect(await digestInEcr(user, image)).toBe(digest)

    await removeImage(user, image)
    await user.succeed(pull(image))
    expect(await digestHere(user, image)).toBe(digest)
  })

  it('logs in without being told a name or a password', async () => {
    expect(await user.succeed(`${name} login ${CNAME}`)).toContain('Already logged in')
  })

  it('logs in with a token from the AWS CLI, and pulls with that one', async () => {
    const { image } = await pushImage(user)
    await user.succeed(`${name} logout ${CNAME}`)
    const stdin = await user.succeed('aws ecr get-login-password')
    await user.succeed(`${name} login --username AWS --password-stdin ${CNAME}`, { stdin })
    const mints = await stage().ecr.mints()

    await user.succeed(pull(image))
    expect(await stage().ecr.mints()).toBe(mints)
  })

  it('mints anew after a logout, and not before', async () => {
    const { image } = await pushImage(user)
    const mints = await stage().ecr.mints()
    await user.succeed(pull(image))
    expect(await stage().ecr.mints()).toBe(mints)

    await user.succeed(`${name} logout ${CNAME}`)
    await user.succeed(pull(image))
    expect(await stage().ecr.mints()).toBe(mints + 1)
  })

  it('pulls on when the token of the last time has expired', async () => {
    const { image } = await pushImage(user)
    await keepExpiredToken(user, stage().ecr)

    await user.succeed(pull(image))
  })

  it('stops with what AWS refuses', async () => {
    const stranger = await newUser(stage().world, STRANGER, AUTH)
    const { code, stderr } = await stranger.run(pull(`${CNAME}/team/app:1`))

    expect(stderr).toContain('ecr:GetAuthorizationToken')
    expect(code).not.toBe(0)
  })
})

describe('beside pushing and pulling', () => {
  let user: User

  beforeEach(async () => {
    user = await newUser(stage().world, DEVELOPER, AUTH)
  })

  it('skopeo inspects an image', async () => {
    const { image, digest } = await pushImage(user)

    expect(JSON.parse(await user.succeed(`skopeo inspect docker://${image}`))).toMatchObject({
      Name: `${CNAME}/team/app`,
      Digest: digest,
      RepoTags: expect.arrayContaining([image.split(':')[1]]) as string[],
    })
  })

  it('buildah builds from an image under the name of the company', async () => {
    const { image, who } = await pushImage(user)
    const stdin = `FROM ${image}\nRUN ["/bin/busybox", "cp", "/who", "/copy"]\n`
    await user.succeed('buildah build --isolation=chroot --tag built:1 -', { stdin })

    expect(await runImage(user, 'built:1', '/bin/busybox cat /copy')).toBe(who)
  })

  it('podman runs an image that has to be pulled first', async () => {
    const { image, who } = await pushImage(user)

    expect(await runImage(user, image)).toBe(who)
  })
})

/** Makes an image that is here and in no registry. */
async function commitImage(user: User) {
  const { who, tag, tar } = await makeRootFilesystem(stage().world)
  const image = `${CNAME}/team/app:${tag}`
  const container = (await user.succeed('buildah from scratch')).trim()
  await user.succeed(`buildah add ${container} ${tar}`)
  await user.succeed(['buildah', 'config', '--cmd', '["/bin/busybox", "cat", "/who"]', container])
  await user.succeed(`buildah commit --rm ${container} ${image}`)
  return { image, who }
}

/** Makes an image that the registry has and this machine has no longer. */
async function pushImage(user: User) {
  const { image, who } = await commitImage(user)
  await user.succeed(`podman push --digestfile ${DIGEST_FILE} ${image}`)
  const digest = await stage().world.read(DIGEST_FILE)
  await removeImage(user, image)
  return { image, who, digest }
}

async function digestHere(user: User, image: string) {
  return (await user.succeed(`podman image inspect --format {{.Digest}} ${image}`)).trim()
}

async function removeImage(user: User, image: string) {
  await user.succeed(`podman rmi ${image}`)
}

function runImage(user: User, image: string, command = '') {
  const groups = `--cgroup-parent=/world-${stage().world.pid}`
  return user.succeed(`podman run --rm --network=none ${groups} ${image} ${command}`.trim())
}
