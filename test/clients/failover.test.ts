import { beforeEach, describe, expect, it } from 'vitest'

import { CLIENT_PROGRAMS, clientsWith, isLoggingIn, logIn } from './stage/clients.ts'
import { keepImagesInMemory } from './stage/containers.ts'
import { startEngine } from './stage/engine.ts'
import { makeArchive } from './stage/image.ts'
import { CNAME, ECR, REPLICA, setReachable, TEAM } from './stage/names.ts'
import { ALICE, FOR_PASSWORDS, writePasswords } from './stage/passwords.ts'
import { type Sidecar, startSidecar } from './stage/product.ts'
import { useStage } from './stage/stage.ts'
import { until } from './stage/until.ts'
import { newUser, type User } from './stage/user.ts'

/** The replica by a name of its own, for the tests do what ECR's replication would. */
const REPLICATED = TEAM

let sidecar: Sidecar
const stage = useStage({
  programs: CLIENT_PROGRAMS,
  more: [startEngine, keepImagesInMemory],
  sidecars: async ({ world, company, ecr }) => {
    await writePasswords(world)
    await ecr.createRepository('team/app', 'eu-west-1')
    await setReachable(world, ECR, false)
    sidecar = await startSidecar(world, company, {
      registries: { [CNAME]: { registry: ECR, replicas: [REPLICA] }, [REPLICATED]: REPLICA },
      proxy: FOR_PASSWORDS,
    })
  },
})

const CLIENTS = clientsWith({ login: ALICE })
const REASON = `${ECR}: it can't be reached (ECONNREFUSED)`
let user: User

beforeEach(async () => {
  user = await newUser(stage().world, undefined, ['auth.json', {}])
  for (const client of CLIENTS.filter(isLoggingIn)) {
    await logIn(user, client, { host: CNAME, login: ALICE })
  }
})

describe.each(CLIENTS)('$name, with the first registry down', (client) => {
  it('pulls from the replica', async () => {
    const { image, archive } = await makeArchive(stage().world, `${CNAME}/team/app`)
    await copy(archive, image.replace(CNAME, REPLICATED))

    await user.succeed(client.pull(image))
    const path = `/v2/team/app/manifests/${image.split(':')[1]}`
    expect(await sidecar.log()).toContainEqual(
      expect.objectContaining({ path, replica: REPLICA, status: 200 }),
    )
  })

  it('is told why it can not push', async () => {
    const { image, archive } = await makeArchive(stage().world, `${CNAME}/team/app`)
    await user.succeed(client.load(archive, image))
    if (client.name === 'docker') return await expectRetries(client.push(image))
    const { code, stderr } = await user.run(client.push(image))

    // They ask by HEAD whether a layer is there already, and its answer has no text.
    expect(stderr).toContain('424')
    expect(code).not.toBe(0)
  })
})

describe('the first registry, once it is back', () => {
  it('takes pushes', async () => {
    await setReachable(stage().world, ECR, true)
    const { image, archive } = await makeArchive(stage().world, `${CNAME}/team/app`)

    await copy(archive, image)
  })
})

// docker says it to its user when it has tried for almost a minute.
async function expectRetries(push: string) {
  const { stdout } = await user.run(`timeout 3 ${push}`)
  expect(stdout).toContain('Retrying in 5 seconds')
  await until('the engine to tell why', async () =>
    (await stage().world.read('/run/log/dockerd')).includes(REASON),
  )
}

async function copy(archive: string, image: string) {
  const login = `--dest-creds ${ALICE.name}:${ALICE.password}`
  await stage().world.succeed(`skopeo copy ${login} docker-archive:${archive} docker://${image}`)
}
