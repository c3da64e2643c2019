/**
 * The quick starts in README, pasted as they stand at a terminal whose user answers yes. The world serves their
 * name, registry and image; what it has not, BuildKit, a kubelet and DC/OS' agents, is looked at as far as it goes.
 */
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'

import { examples } from '../support/readme.ts'
import { keepImagesInMemory } from './stage/containers.ts'
import { pullByCri, startContainerd } from './stage/cri.ts'
import { DEVELOPER } from './stage/ecr.ts'
import { startEngine } from './stage/engine.ts'
import { makeArchive } from './stage/image.ts'
import { ECR, README } from './stage/names.ts'
import { useStage } from './stage/stage.ts'
import { answer } from './stage/terminal.ts'
import { digestInEcr, tokenOf } from './stage/tokens.ts'
import { isListening, until } from './stage/until.ts'
import { newUser, type User } from './stage/user.ts'
import { BIN, type World } from './stage/world.ts'

const stage = useStage({
  programs: ['docker', 'dockerd', 'ctr', 'podman', 'buildah', 'skopeo', 'runc', 'script'],
  more: [trustAmazon, standIn, keepImagesInMemory, startEngine, startContainerd],
})

const IMAGE = `${README}/team/app:1`
/** What the standing in for systemctl was asked. */
const ASKED = '/run/systemctl'
/** More than any quick start asks for. */
const YES = 'yes\n'.repeat(20)

let user: User
let digest: string | undefined

beforeEach(async () => {
  const { world } = stage()
  user = await newUser(world, DEVELOPER, ['.docker/config.json', {}])
  digest ??= await pushImage()
  // From here on nothing is set up.
  await world.succeed(`rm -rf /etc/ecr-cname ${ASKED}`)
})

it('docker, with the sidecar to try it', async () => {
  const { world } = stage()
  const [pull = '', trial = ''] = examples('docker', 'sh')
  // The trial's answer for the name would stand in the way of those who ask the DNS.
  onTestFinished(async () => {
    await world.succeed(['sed', '-i', `/${README}/d`, '/etc/hosts'])
  })
  await startAtTerminal('trial', trial)
  await until('the sidecar of the trial', () => isListening(world, '127.0.0.1:443'))
  // docker checks no certificate at a loopback address; others do.
  const status = '--silent --output /dev/null --write-out %{http_code}'
  expect(await user.succeed(`curl ${status} https://${README}/v2/`)).toBe('401')
  // The engine looks into /etc/hosts anew only after some seconds.
  await until('the engine to meet the sidecar', async () => {
    const { code, stderr } = await user.run(`docker pull ${IMAGE}`)
    return code === 1 && !stderr.includes('x509')
  })

  await paste(pull)

  const format = '{{index .RepoDigests 0}}'
  const pulled = await user.succeed(['docker', 'image', 'inspect', '--format', format, IMAGE])
  expect(pulled.trim()).toBe(`${README}/team/app@${digest}`)
  expect(await world.read('/run/log/trial')).toContain('/v2/team/app/manifests/1')
})

it('podman, buildah and skopeo', async () => {
  const [podman = '', others = ''] = examples('podman, buildah, skopeo, CRI-O', 'sh')
  await expect(paste(`podman pull ${IMAGE}\n`)).rejects.toThrow('x509')
  const inspect = ['podman', 'image', 'inspect', '--format', '{{.Digest}}', IMAGE]
  const pulled = async () => (await stage().world.succeed(inspect)).trim()

  await paste(podman)
  expect(await pulled()).toBe(digest)

  await stage().world.succeed(`podman rmi ${IMAGE}`)
  await paste(others)
  expect(await pulled()).toBe(digest)
  const manifest = await user.succeed(`sha256sum ${user.home}/app/manifest.json`)
  expect(`sha256:${manifest.split(' ')[0]}`).toBe(digest)
})

it('containerd', async () => {
  const [pull = ''] = examples('containerd', 'sh')

  await paste(pull)

  expect(await user.succeed(`ctr images ls name==${IMAGE}`)).toContain(digest)
  await user.succeed(`ctr images rm --sync ${IMAGE}`)
})

it('kubelet, as far as one can go without it: its part is played by the test', async () => {
  const { world } = stage()
  const unit = '/etc/systemd/system/kubelet.service'
  await world.write(unit, '[Service]\nExecStart=/usr/bin/kubelet --v=2\n')
  const [setup = ''] = examples('Kubernetes nodes', 'sh')

  await paste(setup)

  expect(await world.read(ASKED)).toBe('daemon-reload\nrestart containerd kubelet\n')
  await startContainerd(world)
  const dropIn = await world.succeed(['sh', '-c', `cat ${unit}.d/*.conf`])
  const config = /--image-credential-provider-config=([^\s"]+)/.exec(dropIn)?.[1] ?? ''
  const folder = /--image-credential-provider-bin-dir=([^\s"]+)/.exec(dropIn)?.[1] ?? ''
  expect(await world.read(config)).toContain(README)
  const request = {
    apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
    kind: 'CredentialProviderRequest',
    image: IMAGE,
  }
  const said = await user.succeed(`${folder}/ecr-cname credential-provider`, {
    stdin: JSON.stringify(request),
  })
  const { auth } = JSON.parse(said) as { auth: Record<string, Login> }
  await pullByCri(world, IMAGE, auth[README])
  expect(await user.succeed('ctr --namespace k8s.io images ls')).toContain(`${IMAGE} `)
})

type Login = { readonly username: string; readonly password: string }

describe('what needs more than there is here', () => {
  it('BuildKit: is set up, for a builder that Debian has not', async () => {
    const [build = ''] = examples('BuildKit', 'sh')
    const [setup = '', builder = ''] = build.split(/^(?=docker buildx)/m)

    // For root it is another file.
    await user.succeed(`chown -R nobody ${user.home}`)
    await paste(setup, 'setpriv --reuid nobody --clear-groups')

    const file = /--buildkitd-config ~\/(\S+)/.exec(builder)?.[1] ?? ''
    expect(await stage().world.read(`${user.home}/${file}`)).toContain(
      `[registry."${README}"]\n  mirrors = ["${ECR}"]\n`,
    )
    const docker = await stage().world.read(`${user.home}/.docker/config.json`)
    expect(JSON.parse(docker)).toEqual({ credsStore: 'ecr-cname' })
  })

  it('DC/OS: what Marathon is to be given', async () => {
    const [setup = ''] = examples('DC/OS and Marathon', 'sh')

    await paste(setup)

    const written = await user.succeed(`ls ${user.home}/marathon`)
    expect(written.trim().split('\n')).toEqual(
      expect.arrayContaining(['agent-policy.json', 'ecr-helper.json', 'nginx-example.json']),
    )
    const helper = await stage().world.read(`${user.home}/marathon/ecr-helper.json`)
    expect(JSON.parse(helper)).toMatchObject({
      env: { ECR_CNAME_MAP: `${README}=${ECR}` },
      container: { docker: { image: 'hub.company.com/ecr-cname:1' } },
    })
  })
})

/** Has a shell at a terminal run all of it in the user's home; nothing of it may fail. */
async function paste(commands: string, by = '') {
  const { code, stdout } = await answer(user, `${by} ${await inFile(commands)}`, YES)
  if (code !== 0) throw new Error(stdout)
}

/** The same in a terminal that stays open. */
async function startAtTerminal(name: string, commands: string) {
  const command = ['script', '--quiet', '--command', await inFile(commands), '/dev/null']
  await stage().world.start(name, command, { env: { HOME: user.home }, stdin: YES })
}

async function inFile(commands: string) {
  const file = `${user.home}/pasted`
  // For podman and its like this would be a file that has to be there.
  await stage().world.write(file, `unset REGISTRY_AUTH_FILE\ncd\n${commands}`)
  return `sh -e ${file}`
}

/** The image of the quick starts; its digest. */
async function pushImage() {
  const { archive } = await makeArchive(stage().world, 'team/app')
  const to = `docker://${ECR}/team/app:1`
  await user.succeed(
    `skopeo copy --dest-creds AWS:${await tokenOf(user)} docker-archive:${archive} ${to}`,
  )
  return await digestInEcr(user, to.replace('docker://', ''))
}

/** As every system does, and so that it still does when another authority is added. */
async function trustAmazon(world: World) {
  await world.succeed('cp /run/amazon/ca.pem /usr/local/share/ca-certificates/amazon.crt')
  await world.succeed('update-ca-certificates')
}

/** For two programs that a new user has, and the world has not. */
async function standIn(world: World) {
  const env = 'PATH="$PATH" HOME=/run/home/root NODE_EXTRA_CA_CERTS=/run/amazon/ca.pem'
  // As Debian's: root's home, and nothing of the user's environment.
  const sudo = `mkdir -p /run/home/root; exec env -i ${env} "$@"`
  const systemctl = `echo "$*" >>${ASKED}`
  for (const [name, script] of Object.entries({ sudo, systemctl })) {
    await world.write(`${BIN}/${name}`, `#!/bin/sh\n${script}\n`)
    await world.succeed(`chmod +x ${BIN}/${name}`)
  }
}
