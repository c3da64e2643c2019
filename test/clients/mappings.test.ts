import { beforeEach, describe, expect, it } from 'vitest'

import { CLIENT_PROGRAMS, clientsWith, isLoggingIn, logIn, pushNew } from './stage/clients.ts'
import { keepImagesInMemory } from './stage/containers.ts'
import { startEngine } from './stage/engine.ts'
import { makeArchive } from './stage/image.ts'
import {
  ADDRESSES,
  CNAME,
  ECR,
  EMULATOR,
  REMOTE,
  REMOTE_BUCKET,
  SECOND,
  TEAM,
} from './stage/names.ts'
import { ALICE, FOR_PASSWORDS, writePasswords } from './stage/passwords.ts'
import { startSidecar } from './stage/product.ts'
import { useStage } from './stage/stage.ts'
import { newUser, type User } from './stage/user.ts'

/** A name whose sidecar fetches layers, and is the only one that can. */
const STREAMED = SECOND

const stage = useStage({
  programs: CLIENT_PROGRAMS,
  more: [startEngine, keepImagesInMemory],
  sidecars: async ({ world, company, ecr }) => {
    await writePasswords(world)
    await startSidecar(world, company, {
      registries: { [CNAME]: ECR, [TEAM]: { registry: ECR, prefix: 'team/' } },
      proxy: FOR_PASSWORDS,
    })
    await ecr.createRepository('team/app', 'eu-central-1')
    await world.write('/run/streaming/hosts', `${EMULATOR} ${REMOTE_BUCKET}\n`)
    await startSidecar(world, company, {
      name: 'streaming',
      by: [
        'unshare',
        '--mount',
        'sh',
        '-c',
        'mount --bind $0 /etc/hosts; exec "$@"',
        '/run/streaming/hosts',
      ],
      address: ADDRESSES[STREAMED],
      registries: { [STREAMED]: REMOTE },
      proxy: { ...FOR_PASSWORDS, blobs: 'stream', admin: '127.0.0.1:9101' },
    })
  },
})

const NO_HELPER = ['auth.json', {}] as const
const CLIENTS = clientsWith({ login: ALICE })
const [DOCKER] = CLIENTS
const SKOPEO_LOGIN = `--creds ${ALICE.name}:${ALICE.password}`
let user: User

beforeEach(async () => {
  user = await newUser(stage().world, undefined, NO_HELPER)
})

describe.each(CLIENTS)('$name', (client) => {
  const pushTo = async (host: string, repository: string) => {
    if (isLoggingIn(client)) await logIn(user, client, { host, login: ALICE })
    return await pushNew(stage().world, client, { user, repository: `${host}/${repository}` })
  }

  it('pushes and pulls through a prefix what has a longer name elsewhere', async () => {
    const image = await pushTo(TEAM, 'app')
    await user.succeed(client.pull(image))

    const elsewhere = image.replace(TEAM, `${CNAME}/team`)
    expect(await digestOf(elsewhere)).toBe(await digestOf(image))
  })

  it('pushes and pulls by a second name on the same listener', async () => {
    await user.succeed(client.pull(await pushTo(CNAME, 'others/app')))
  })

  it('pulls layers that only the sidecar has a way to', async () => {
    expect(await stage().world.run(`getent hosts ${REMOTE_BUCKET}`)).toMatchObject({ stdout: '' })

    await user.succeed(client.pull(await pushTo(STREAMED, 'team/app')))
  })
})

describe('through a prefix', () => {
  it('skopeo lists tags under the short name', async () => {
    const tags = await user.succeed(`skopeo list-tags ${SKOPEO_LOGIN} docker://${TEAM}/app`)

    expect(JSON.parse(tags)).toMatchObject({ Repository: `${TEAM}/app` })
  })

  it('docker mounts a layer from the short name of another repository', async () => {
    const { world, ecr } = stage()
    await ecr.setMounting(true)
    await logIn(user, DOCKER!, { host: TEAM, login: ALICE })
    const { image, archive } = await makeArchive(world, `${TEAM}/app`)
    await user.succeed(DOCKER!.load(archive, image))
    await user.succeed(DOCKER!.push(image))
    await user.succeed(`docker tag ${image} ${TEAM}/base:1`)

    expect(await user.succeed(`docker push ${TEAM}/base:1`)).toContain('Mounted from app')
  })

  it('docker is told of a repository that does not exist by its short name', async () => {
    await logIn(user, DOCKER!, { host: TEAM, login: ALICE })
    const { stderr } = await user.run(`docker pull ${TEAM}/none:1`)

    expect(stderr).toContain("The repository with name 'none' does not exist")
  })
})

describe('a layer through the sidecar', () => {
  it('is resumed by curl where it was cut', async () => {
    const { world } = stage()
    const { image, archive } = await makeArchive(world, `${STREAMED}/team/app`, 2)
    await world.succeed(
      `skopeo copy --dest-creds ${ALICE.name}:${ALICE.password} docker-archive:${archive} docker://${image}`,
    )
    const inspected = await world.succeed(`skopeo inspect ${SKOPEO_LOGIN} docker://${image}`)
    const [layer = ''] = (JSON.parse(inspected) as { Layers: string[] }).Layers
    const curl = `curl --silent --fail --cacert /run/company/ca.pem --user ${ALICE.name}:${ALICE.password} --output /run/layer https://${STREAMED}/v2/team/app/blobs/${layer}`
    await world.succeed(`${curl} --range 0-999999`)
    expect((await world.succeed('stat --format %s /run/layer')).trim()).toBe('1000000')

    await world.succeed(`${curl} --continue-at -`)
    expect(await world.succeed('sha256sum /run/layer')).toContain(layer.replace('sha256:', ''))
  })
})

async function digestOf(image: string) {
  return await user.succeed(`skopeo inspect ${SKOPEO_LOGIN} --format {{.Digest}} docker://${image}`)
}
