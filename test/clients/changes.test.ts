import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { type Authority, openAuthority } from '../emulator/certificates.ts'
import { clientsWith, isLoggingIn, logIn } from './stage/clients.ts'
import { keepImagesInMemory } from './stage/containers.ts'
import { startEngine } from './stage/engine.ts'
import { makeArchive } from './stage/image.ts'
import { ADDRESSES, CNAME, lead, SECOND, THIRD } from './stage/names.ts'
import { ALICE, FOR_PASSWORDS, writePasswords } from './stage/passwords.ts'
import { type Sidecar, startSidecar } from './stage/product.ts'
import { useStage } from './stage/stage.ts'
import { until } from './stage/until.ts'
import { newUser, type User } from './stage/user.ts'
import type { World } from './stage/world.ts'

const CLIENTS = clientsWith({ login: ALICE }).filter(({ name }) => name !== 'buildah')
/** More of the sidecars' command lines. */
const FLAGS = ['--workers', '2']
/** As Kubernetes mounts a secret: the files are links into a folder that is one itself. */
const SECRET = '/run/secret'
const PROXY = {
  ...FOR_PASSWORDS,
  blobs: 'stream',
  tlsCert: [`${SECRET}/tls.crt`],
  tlsKey: [`${SECRET}/tls.key`],
}

let next: Authority
let first: Sidecar
let second: Sidecar
const stage = useStage({
  programs: ['docker', 'dockerd', 'ctr', 'podman', 'skopeo'],
  more: [startEngine, keepImagesInMemory],
  sidecars: async ({ world, company }) => {
    await writePasswords(world)
    next = openAuthority(world.outside('/run/next'))
    for (const clients of ['docker', 'containers']) {
      await world.succeed(`cp /run/next/ca.pem /etc/${clients}/certs.d/${CNAME}/next.crt`)
    }
    await swapSecret(world, company)
    first = await startSidecar(world, company, {
      name: 'first',
      address: ADDRESSES[SECOND],
      proxy: PROXY,
      flags: FLAGS,
    })
    second = await startSidecar(world, company, {
      name: 'second',
      address: ADDRESSES[THIRD],
      proxy: { ...PROXY, admin: '127.0.0.1:9101' },
      flags: FLAGS,
    })
    await lead(world, '--insert', { from: ADDRESSES[CNAME], to: `${ADDRESSES[SECOND]}:443` })
  },
})

let user: User

beforeEach(async () => {
  user = await newUser(stage().world, undefined, ['auth.json', {}])
  for (const client of CLIENTS.filter(isLoggingIn)) {
    await logIn(user, client, { host: CNAME, login: ALICE })
  }
})

afterEach(() => stage().ecr.setLayerSpeed())

describe('pulls by docker, podman, skopeo and ctr', () => {
  it('go on while certificates change', async () => {
    const { world, company } = stage()
    await pullWhile(await pushNew(), async (pulls) => {
      await swapSecret(world, next)
      await until('the certificate of the swap', () => isShown('/run/next/ca.pem'))

      await overwriteSecret(world, company)
      await first.signal('HUP')
      await until('the certificate written in place', () => isShown('/run/company/ca.pem'))

      await world.write(`${SECRET}/tls.crt`, 'rubbish')
      await first.signal('HUP')
      await until('the log to tell of rubbish', () => isInLog(first, 'no certificate in PEM'))
      expect(await isShown('/run/company/ca.pem')).toBe(true)

      await swapSecret(world, next)
      await first.signal('HUP')
      await until('the certificate after the rubbish', () => isShown('/run/next/ca.pem'))
      await until('20 pulls', async () => pulls() >= 20)
    })
  })

  it('go on while one sidecar takes the place of another', async () => {
    const { world } = stage()
    const small = await pushNew()
    const { ended } = await beginPulls(CLIENTS, await pushNew(32))
    await pullWhile(small, async (pulls) => {
      await until('4 pulls', async () => pulls() >= 4)
      await lead(world, '--insert', { from: ADDRESSES[CNAME], to: `${ADDRESSES[THIRD]}:443` })
      await first.signal('TERM')
      expect(await first.ended).toBe(0)
      await until('12 pulls', async () => pulls() >= 12)
    })

    expect(await ended).toEqual(CLIENTS.map(() => ''))
  })

  it('end well where a sidecar ends with none to take its place', async () => {
    // Once it has the layer, skopeo asks for one thing more.
    const clients = CLIENTS.filter(({ name }) => name !== 'skopeo')
    const { ended } = await beginPulls(clients, await pushNew(32))
    await second.signal('TERM')

    expect(await second.ended).toBe(0)
    expect(await ended).toEqual(clients.map(() => ''))
  })
})

/** Has clients pull a large image at a slow speed; what those say that fail, once all have begun. */
async function beginPulls(clients: typeof CLIENTS, image: string) {
  const { ecr } = stage()
  await ecr.setLayerSpeed(8_000_000)
  const before = await ecr.downloads()
  const pulls = clients.map(async (client) => {
    const { code, stderr } = await user.run(client.pull(image))
    return code === 0 ? '' : `${client.name}: ${stderr}`
  })
  const areLoading = async () => (await ecr.clientsLoading(before)) >= clients.length
  // Asked twice, for all may be loading the small configuration at one moment.
  await until('all to load layers', async () => (await areLoading()) && (await areLoading()))
  return { ended: Promise.all(pulls) }
}

/** Pulls with all clients at once, again and again, until `act` has ended. */
async function pullWhile(image: string, act: (pulls: () => number) => Promise<void>) {
  const over = new AbortController()
  let pulls = 0
  const loops = CLIENTS.map(async (client) => {
    while (!over.signal.aborted) {
      await user.succeed(client.pull(image))
      await user.succeed(client.forget(image))
      pulls += 1
    }
  })
  const settled = Promise.allSettled(loops)
  try {
    await act(() => pulls)
  } finally {
    over.abort()
    const reasons = (await settled).flatMap((one) =>
      one.status === 'rejected' ? [one.reason] : [],
    )
    expect(reasons).toEqual([])
  }
}

/** Whether a new connection is shown a certificate of that authority. */
async function isShown(authority: string) {
  const asked = `curl --silent --fail --cacert ${authority} https://${CNAME}/healthz`
  return (await stage().world.run(asked)).code === 0
}

async function isInLog(sidecar: Sidecar, text: string) {
  return (await sidecar.log()).some(({ error }) => String(error).includes(text))
}

async function pushNew(mebibytes?: number) {
  const { world } = stage()
  const { image, archive } = await makeArchive(world, `${CNAME}/team/app`, mebibytes)
  const login = `--dest-creds ${ALICE.name}:${ALICE.password}`
  await world.succeed(`skopeo copy ${login} docker-archive:${archive} docker://${image}`)
  return image
}

let versions = 0

/** Has the secret hold another certificate, all of it at one moment. */
async function swapSecret(world: World, authority: Authority) {
  const version = `..${++versions}`
  const { cert, key } = authority.issue([CNAME])
  await world.write(`${SECRET}/${version}/tls.crt`, cert)
  await world.write(`${SECRET}/${version}/tls.key`, key)
  await world.succeed(`ln -s ${version} ${SECRET}/..next`)
  await world.succeed(`mv --no-target-directory ${SECRET}/..next ${SECRET}/..data`)
  for (const file of ['tls.crt', 'tls.key']) {
    await world.succeed(`ln -sf ..data/${file} ${SECRET}/${file}`)
  }
}

/** Writes another certificate over the one that is there. */
async function overwriteSecret(world: World, authority: Authority) {
  const { cert, key } = authority.issue([CNAME])
  await world.write(`${SECRET}/tls.crt`, cert)
  await world.write(`${SECRET}/tls.key`, key)
}
