import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { CLIENT_PROGRAMS, clientsWith, isLoggingIn, logIn } from './stage/clients.ts'
import { keepImagesInMemory } from './stage/containers.ts'
import { startEngine } from './stage/engine.ts'
import { makeArchive } from './stage/image.ts'
import { CNAME, ECR, REPLICA, setReachable, TEAM } from './stage/names.ts'
import { ALICE, FOR_PASSWORDS, writePasswords } from './stage/passwords.ts'
import { type Sidecar, startSidecar } from './stage/product.ts'
import { useStage } from './stage/stage.ts'
import { newUser, type User } from './stage/user.ts'

/** The replica by a name of its own, through which the test does what ECR's replication would. */
const REPLICATED = TEAM

let sidecar: Sidecar
const stage = useStage({
  programs: CLIENT_PROGRAMS,
  more: [startEngine, keepImagesInMemory],
  sidecars: async ({ world, company, ecr }) => {
    await writePasswords(world)
    await ecr.createRepository('team/app', 'eu-west-1')
    sidecar = await startSidecar(world, company, {
      registries: { [CNAME]: { registry: ECR, replicas: [REPLICA] }, [REPLICATED]: REPLICA },
      proxy: FOR_PASSWORDS,
    })
  },
})

const LOGIN = `${ALICE.name}:${ALICE.password}`
let user: User

beforeEach(async () => {
  user = await newUser(stage().world, undefined, ['auth.json', {}])
})

describe.each(clientsWith({ login: ALICE }))('$name, with the first registry down', (client) => {
  beforeEach(async () => {
    if (isLoggingIn(client)) await logIn(user, client, { host: CNAME, login: ALICE })
  })
  afterEach(() => setReachable(stage().world, ECR, true))

  it('pulls from the replica', async () => {
    const image = await pushReplicated()
    await setReachable(stage().world, ECR, false)

    await user.succeed(client.pull(image))
    expect(await sidecar.log()).toContainEqual(
      expect.objectContaining({
        path: `/v2/team/app/manifests/${image.split(':')[1]}`,
        replica: REPLICA,
        status: 200,
      }),
    )
  })

  it('is told why it can not push', async () => {
    const { image, archive } = await makeArchive(stage().world, `${CNAME}/team/app`)
    await user.succeed(client.load(archive, image))
    await setReachable(stage().world, ECR, false)
    console.log(Date.now())
    const { code, stderr, stdout } = await user.run(client.push(image))
    console.log(Date.now(), stderr, stdout)
    // ctr shows the number alone.
    const told = client.name === 'ctr' ? '424' : `${ECR}: it can't be reached (ECONNREFUSED)`
    expect(stderr).toContain(told)
    expect(code).not.toBe(0)
  }, 90_000)
})

async function pushReplicated() {
  const { world } = stage()
  const { image, archive } = await makeArchive(world, `${CNAME}/team/app`)
  const copy = `skopeo copy --dest-creds ${LOGIN} docker-archive:${archive}`
  await world.succeed(`${copy} docker://${image}`)
  await world.succeed(`${copy} docker://${image.replace(CNAME, REPLICATED)}`)
  return image
}
