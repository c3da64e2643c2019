import { beforeAll, describe, expect, it } from 'vitest'

import { dockerOf } from '../clients/stage/docker.ts'
import { DEVELOPER } from '../clients/stage/ecr.ts'
import { startEngine } from '../clients/stage/engine.ts'
import { CNAME, ECR } from '../clients/stage/names.ts'
import { useStage } from '../clients/stage/stage.ts'
import { until } from '../clients/stage/until.ts'
import { newUser, type User } from '../clients/stage/user.ts'
import type { World } from '../clients/stage/world.ts'
import { openAuthority } from '../emulator/certificates.ts'
import { makeBase } from './base.ts'
import { readJson } from './files.ts'
import { seccompProfileOf } from './seccomp.ts'

const stage = useStage({ programs: ['docker', 'dockerd'], more: [startEngine] })

const DOCKER = '/usr/bin/docker'
const IMAGE = 'ecr-cname:test'
/** The name again, where the container has it. */
const NAME = `${CNAME}:4443`
const CONFIG = {
  registries: { [CNAME]: ECR },
  proxy: {
    listen: ['0.0.0.0:4443'],
    admin: '127.0.0.1:9200',
    tlsCert: '/tls/tls.crt',
    tlsKey: '/tls/tls.key',
  },
}
// Besides what an engine takes from everyone: as the manifests for Kubernetes and systemd's unit have it.
const HARDENED = '--read-only --tmpfs=/tmp --cap-drop=ALL --security-opt=no-new-privileges'
const AUTHORITY = '--volume=/run/amazon/ca.pem:/amazon.pem:ro --env=NODE_EXTRA_CA_CERTS=/amazon.pem'
const VOLUMES = '--volume=/run/image:/etc/ecr-cname:ro --volume=/run/image/tls:/tls:ro'

describe('the image', () => {
  let user: User

  beforeAll(async () => {
    const { world } = stage()
    user = await newUser(world, DEVELOPER, ['.docker/config.json', { credsStore: 'ecr-cname' }])
    await world.write('/run/image/config.json', JSON.stringify(CONFIG))
    await world.write('/run/image/seccomp.json', JSON.stringify(seccompProfileOf(UNIT)))
    await world.succeed(`install -D /run/company/ca.pem /etc/docker/certs.d/${NAME}/ca.crt`)
    await build(world)
    await layCertificate(world)
    const seccomp = '--security-opt=seccomp=/run/image/seccomp.json'
    const flags = [HARDENED, seccomp, AUTHORITY, VOLUMES, '--network=host --name=sidecar'].join(' ')
    await world.succeed(`${DOCKER} run --detach ${flags} ${IMAGE}`)
    await until('the container', async () => (await healthcheck(world, 'healthz', 9200)) === 0)
  })

  it('runs as nobody that a system knows', async () => {
    expect(await stage().world.succeed(`${DOCKER} exec sidecar id -u`)).toBe('65532\n')
  })

  it('is the whole program, for other commands too', async () => {
    const said = await stage().world.succeed(`${DOCKER} run --rm --network=none ${IMAGE} version`)

    expect(said).toMatch(/\(ecr-cname\) v\d/)
  })

  it('serves pushes and pulls, on a read-only system with the system calls of the unit', async () => {
    const docker = dockerOf(user, DOCKER)
    const { image, who, digest } = await docker.pushNew(stage().world, NAME)

    expect(await docker.pull(image)).toBe(digest)
    expect(await docker.runImage(image)).toBe(who)
  })

  it('tells of its health, and when it is not well', async () => {
    expect(await healthcheck(stage().world, 'healthz', 9200)).toBe(0)
    expect(await healthcheck(stage().world, 'nothing', 9200)).toBe(1)
    expect(await healthcheck(stage().world, 'healthz', 9299)).toBe(1)
  })

  it('ends at a SIGTERM by itself', async () => {
    const { world } = stage()
    await world.succeed(`${DOCKER} stop --time=60 sidecar`)

    const state = await world.succeed(`${DOCKER} inspect --format={{.State.ExitCode}} sidecar`)
    expect(state).toBe('0\n')
  })
})

const UNIT = 'deploy/systemd/ecr-cname.service'

async function build(world: World): Promise<void> {
  await makeBase(world, 'base:test')
  await world.succeed(
    [
      ...`${DOCKER} build --progress=plain --build-arg=BASE=base:test --tag=${IMAGE}`.split(' '),
      ...`--file=${process.cwd()}/deploy/docker/Dockerfile ${process.cwd()}`.split(' '),
    ],
    { env: { DOCKER_BUILDKIT: '1' } },
  )
}

/** Lays the certificate out as the task definition of ECS does, by its own first container. */
async function layCertificate(world: World): Promise<void> {
  type Task = { containerDefinitions: { entryPoint: string[]; command: string[]; user: string }[] }
  const { containerDefinitions } = readJson('deploy/ecs/task-definition.json') as Task
  const [first] = containerDefinitions
  const [shell = '', flag = ''] = first?.entryPoint ?? []
  const { cert, key } = openAuthority(world.outside('/run/company')).issue([CNAME])
  await world.succeed('mkdir -p /run/image/tls')
  await world.succeed(
    [
      ...`${DOCKER} run --rm --network=none --user=${first?.user} --entrypoint=${shell}`.split(' '),
      ...'--volume=/run/image/tls:/tls --env=CERTIFICATE --env=KEY'.split(' '),
      IMAGE,
      flag,
      ...(first?.command ?? []),
    ],
    { env: { CERTIFICATE: cert.trim(), KEY: key.trim() } },
  )
}

async function healthcheck(world: World, path: string, port: number): Promise<number | null> {
  return (await world.run(`${DOCKER} exec sidecar healthcheck ${path} ${port}`)).code
}
