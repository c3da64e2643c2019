/**
 * Each engine after nothing but `setup` and a yes, and after `--undo`. Only docker needs the sidecar:
 * the others pull by a name that in the DNS is nothing but an alias of ECR's.
 */
import { existsSync } from 'node:fs'
import { beforeEach, expect, it } from 'vitest'

import { CONTAINERD, pullByCri, startContainerd } from './stage/cri.ts'
import { dockerOf } from './stage/docker.ts'
import { DEVELOPER } from './stage/ecr.ts'
import { startEngine } from './stage/engine.ts'
import { ALIAS, CNAME, ECR } from './stage/names.ts'
import { useStage } from './stage/stage.ts'
import { answer } from './stage/terminal.ts'
import { tokenOf } from './stage/tokens.ts'
import { newUser, type User } from './stage/user.ts'
import type { World } from './stage/world.ts'

const stage = useStage({
  programs: ['docker', 'dockerd', 'ctr', 'podman', 'buildah', 'skopeo', 'runc', 'script'],
  more: [keepImagesInMemory, startEngine],
})

const DOCKER = '/usr/bin/docker'
const CRICTL = '/usr/local/bin/crictl'

let user: User
/** What the registry has, and this machine has not. */
let tag: string | undefined

beforeEach(async () => {
  user = await newUser(stage().world, DEVELOPER, [
    '.config/ecr-cname/config.json',
    { registries: { [ALIAS]: ECR } },
  ])
  // Where the variable names one, it has to be there.
  await stage().world.write(`${user.home}/auth.json`, '{}')
  tag ??= await pushImage()
})

it.each([
  ['podman', (image: string) => `podman pull ${image}`],
  ['buildah', (image: string) => `buildah pull --policy=always ${image}`],
  ['skopeo', (image: string) => `skopeo copy docker://${image} dir:/run/tmp/copy`],
])('%s pulls after setup podman, and no more after --undo', async (_, pull) => {
  const before = await everyFile()
  const image = `${ALIAS}/team/app:${tag}`
  expect((await user.run(pull(image))).stderr).toContain('x509: certificate is valid for')

  expect(await setUp('podman')).toContain('done;')
  await user.succeed(pull(image))

  await undo('podman')
  expect(await everyFile()).toBe(before)
  expect((await user.run(pull(image))).stderr).toContain('x509: certificate is valid for')
})

it('docker pulls after setup docker, and no more after --undo', async () => {
  const docker = dockerOf(user, DOCKER)
  const before = await everyFile()
  const image = `${CNAME}/team/app:${tag}`
  expect((await docker.run(`pull ${image}`)).stderr).toContain('no basic auth credentials')

  expect(await setUp('docker')).toContain('done;')
  expect(await docker.pull(image)).toMatch(/^sha256:/)

  await docker.succeed(`rmi ${image}`)
  await undo('docker')
  expect(await everyFile()).toBe(before)
  expect((await docker.run(`pull ${image}`)).stderr).toContain('no basic auth credentials')
})

it('ctr pulls after setup containerd, and no more after --undo', async () => {
  await startContainerd(stage().world)
  const before = await everyFile()
  const image = `${ALIAS}/team/app:${tag}`
  const options = `--hosts-dir /etc/containerd/certs.d --user AWS:${await tokenOf(user)}`
  const ctr = `ctr --address ${CONTAINERD} images`
  expect((await user.run(`${ctr} pull ${options} ${image}`)).stderr).toContain('x509')

  expect(await setUp('containerd')).toContain('now run: systemctl restart containerd')
  await user.succeed(`${ctr} pull ${options} ${image}`)

  await undo('containerd')
  expect(await everyFile()).toBe(before)
  expect((await user.run(`${ctr} pull ${options} ${image}`)).stderr).toContain('x509')
})

// kubelet's own way, and its debugger where there is one: Debian has none.
const CRI_CLIENTS = [
  {
    name: 'kubelet',
    pull: async (image: string, password: string) =>
      await pullByCri(stage().world, image, { username: 'AWS', password }),
  },
  {
    name: 'crictl',
    pull: async (image: string, password: string) => {
      const crictl = `${CRICTL} --runtime-endpoint unix://${CONTAINERD}`
      await user.succeed(`${crictl} pull --creds AWS:${password} ${image}`)
    },
  },
].filter(({ name }) => name !== 'crictl' || existsSync(CRICTL))

it.each(CRI_CLIENTS)(
  'containerd pulls for $name after setup containerd, and no more after --undo',
  async ({ pull }) => {
    const image = `${ALIAS}/team/app:${tag}`
    const password = await tokenOf(user)
    await startContainerd(stage().world)
    await expect(pull(image, password)).rejects.toThrow('x509')

    await setUp('containerd')
    await startContainerd(stage().world)
    await pull(image, password)

    await undo('containerd')
    await startContainerd(stage().world)
    await expect(pull(image, password)).rejects.toThrow('x509')
  },
)

it('changes nothing for who answers no', async () => {
  const before = await everyFile()
  const { code, stdout } = await answer(user, 'ecr-cname setup podman', 'n')
  expect(stdout).toContain('nothing was changed')
  expect(code).toBe(1)
  expect(await everyFile()).toBe(before)
})

const setUp = async (engine: string) => await agree(`ecr-cname setup ${engine}`)

const undo = async (engine: string) => await agree(`ecr-cname setup ${engine} --undo`)

async function agree(command: string) {
  const { code, stdout } = await answer(user, command, 'yes')
  expect({ code, stdout }).toMatchObject({ code: 0 })
  return stdout
}

/** Digests of all that anyone configures. */
async function everyFile() {
  const folders = `/etc/containers /etc/containerd /etc/docker /etc/ecr-cname ${user.home}`
  const kept = `! -path */.cache/* ! -path */.local/*`
  const files = await stage().world.succeed(`find ${folders} -type f ${kept}`)
  return await stage().world.succeed(['sha256sum', ...files.trim().split('\n').sort()])
}

/** By someone who has docker set up by hand. */
async function pushImage() {
  const { world } = stage()
  const other = await newUser(world, DEVELOPER, [
    '.docker/config.json',
    { credsStore: 'ecr-cname' },
  ])
  const { image } = await dockerOf(other, DOCKER).pushNew(world, CNAME)
  return image.split(':').at(-1)
}

async function keepImagesInMemory(world: World) {
  const places = 'graphroot = "/run/containers/data"\nrunroot = "/run/containers/run"'
  await world.write('/etc/containers/storage.conf', `[storage]\ndriver = "overlay"\n${places}\n`)
}
