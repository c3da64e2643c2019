import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import {
  type Client,
  CLIENT_PROGRAMS,
  clientsWith,
  isLoggingIn,
  logIn,
  pushNew,
} from './stage/clients.ts'
import { keepImagesInMemory } from './stage/containers.ts'
import { dockerOf, DOCKERS } from './stage/docker.ts'
import { startEngine } from './stage/engine.ts'
import { makeArchive } from './stage/image.ts'
import { ADDRESSES, CNAME, ECR, SECOND } from './stage/names.ts'
import { ALICE, BOB, FOR_PASSWORDS, type Login, writePasswords } from './stage/passwords.ts'
import { type Sidecar, startSidecar } from './stage/product.ts'
import { useStage } from './stage/stage.ts'
import { newUser, type User } from './stage/user.ts'

/** As in `/etc/docker/certs.d`: a folder for each host. */
const CERTIFICATES = '/run/alice/certs.d'
/** A name whose sidecar knows its clients by their certificates. */
const CERTIFIED = SECOND

let sidecar: Sidecar
let certified: Sidecar
const stage = useStage({
  programs: CLIENT_PROGRAMS,
  more: [startEngine, keepImagesInMemory],
  sidecars: async ({ world, company }) => {
    await writePasswords(world)
    const allow = { alice: ['*:pull,push'], bob: ['team/*:pull'] }
    sidecar = await startSidecar(world, company, {
      proxy: { ...FOR_PASSWORDS, allow },
    })
    certified = await startSidecar(world, company, {
      name: 'certified',
      address: ADDRESSES[CERTIFIED],
      registries: { [CERTIFIED]: ECR },
      proxy: { auth: 'inject', clientCa: '/run/company/ca.pem', allow, admin: '127.0.0.1:9101' },
    })
  },
})

const WITH_HELPER = ['.docker/config.json', { credsStore: 'ecr-cname' }] as const
const NO_HELPER = ['auth.json', {}] as const
let user: User
/** An image that is in the registry and at no client. */
let known: string

beforeEach(async () => {
  user = await newUser(stage().world, undefined, NO_HELPER)
  known ??= await seed(`${CNAME}/team/app`)
})

describe.each(clientsWith({ login: ALICE }))('$name with a name and password', (client) => {
  it('pushes an image, and pulls the same one', async () => {
    if (isLoggingIn(client)) await logInAs(ALICE, client)
    const image = await pushNew(stage().world, client, {
      user,
      repository: `${CNAME}/team/app`,
    })

    expect(await sidecar.log()).toContainEqual(pushedBy('alice', image))
    await user.succeed(client.pull(image))
  })

  it('is not let in with a wrong password', async () => {
    const login = { ...ALICE, password: 'a-guess' }
    const [guessing = client] = clientsWith({ login }).filter(({ name }) => name === client.name)
    // What keeps no logins is told the password when it pulls.
    const { code, stderr } = isLoggingIn(client)
      ? await logIn(user, client, { host: CNAME, login })
      : await user.run(guessing.pull(known))

    expect(stderr).toMatch(/401|invalid username\/password/)
    expect(code).not.toBe(0)
  })

  it('is refused without a login', async () => {
    const [stranger] = clientsWith().filter(({ name }) => name === client.name)
    const { code, stderr } = await user.run(stranger!.pull(`${CNAME}/team/app:1`))

    expect(stderr).toMatch(/log in first: docker login docker\.company\.test|no basic auth|401/)
    expect(code).not.toBe(0)
  })
})

describe.each(clientsWith({ login: BOB }))('$name of someone who may only pull', (client) => {
  beforeEach(async () => {
    if (isLoggingIn(client)) await logInAs(BOB, client)
  })

  it('pulls what a rule gives', async () => {
    await user.succeed(client.pull(known))
  })

  it('is told why it may not pull anything else', async () => {
    const { code, stderr } = await user.run(client.pull(`${CNAME}/others/app:1`))

    expect(stderr).toContain(reasonFor(client, 'bob may not pull others/app'))
    expect(code).not.toBe(0)
  })

  it('is told why it may not push', async () => {
    const { image, archive } = await makeArchive(stage().world, `${CNAME}/team/app`)
    await user.succeed(client.load(archive, image))
    const { code, stderr } = await user.run(client.push(image))

    expect(stderr).toContain(reasonFor(client, 'bob may not push team/app'))
    expect(code).not.toBe(0)
  })
})

describe.each(DOCKERS)('docker $version with our helper as credsStore', ({ program }) => {
  it('keeps a login to the sidecar until a logout', async () => {
    user = await newUser(stage().world, undefined, WITH_HELPER)
    const docker = dockerOf(user, program)
    expect(await docker.login(CNAME, BOB.name, BOB.password)).toContain('Login Succeeded')

    await docker.pull(known)
    expect((await docker.run(`pull ${CNAME}/others/app:1`)).stderr).toContain('bob may not')

    await docker.succeed(`logout ${CNAME}`)
    expect((await docker.run(`pull ${known}`)).stderr).toContain('no basic auth credentials')
  })
})

describe.each(clientsWith({ certificates: CERTIFICATES }))('$name with a certificate', (client) => {
  // docker has one folder for all of its users.
  const dockers = `/etc/docker/certs.d/${CERTIFIED}`

  beforeEach(async () => {
    const { world, company } = stage()
    const folder = `${CERTIFICATES}/${CERTIFIED}`
    const { cert, key } = company.issue(['alice'])
    await world.succeed(`install -D /run/company/ca.pem ${folder}/ca.crt`)
    await world.write(`${folder}/client.cert`, cert)
    await world.write(`${folder}/client.key`, key)
    if (client.name === 'docker') await world.succeed(`cp -r ${folder} /etc/docker/certs.d`)
  })

  afterEach(async () => {
    await stage().world.succeed(`rm -f ${dockers}/client.cert ${dockers}/client.key`)
  })

  it('pushes an image, and pulls the same one', async () => {
    const image = await pushNew(stage().world, client, {
      user,
      repository: `${CERTIFIED}/team/app`,
    })

    expect(await certified.log()).toContainEqual(pushedBy('alice', image))
    await user.succeed(client.pull(image))
  })
})

describe.each(clientsWith())('$name without a certificate', (client) => {
  it('is told to show one', async () => {
    const { code, stderr } = await user.run(client.pull(`${CERTIFIED}/team/app:1`))

    expect(stderr).toMatch(PING_ONLY.includes(client.name) ? /403/ : /takes clients with a certif/)
    expect(code).not.toBe(0)
  })
})

// Debian's show the number alone of what is refused to their first question, GET /v2/; later ones the text too.
const PING_ONLY = ['podman', 'buildah', 'skopeo', 'ctr']

// It shows the number alone, for it asks by HEAD.
function reasonFor({ name }: Client, reason: string) {
  return name === 'ctr' ? '403 Forbidden' : reason
}

async function logInAs(login: Login, client: Client) {
  const { stdout } = await logIn(user, client, { host: CNAME, login })
  expect(stdout).toContain('Login Succeeded')
}

/** An image that someone else has pushed. */
async function seed(repository: string) {
  const { world } = stage()
  const { image, archive } = await makeArchive(world, repository)
  const login = `--dest-creds ${ALICE.name}:${ALICE.password}`
  await world.succeed(`skopeo copy ${login} docker-archive:${archive} docker://${image}`)
  return image
}

/** A line of a log about a push. */
function pushedBy(client: string, image: string) {
  const path = `/v2/team/app/manifests/${image.split(':')[1]}`
  return expect.objectContaining({ method: 'PUT', client, path, status: 201 }) as unknown
}
