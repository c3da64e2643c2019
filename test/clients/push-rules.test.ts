import { hashSync } from 'bcryptjs'
import { beforeAll, describe, expect, it } from 'vitest'

import { dockerOf } from './stage/docker.ts'
import { DEVELOPER } from './stage/ecr.ts'
import { startEngine } from './stage/engine.ts'
import { makeRootFilesystem } from './stage/image.ts'
import { ADDRESSES, CNAME, ECR } from './stage/names.ts'
import { useStage } from './stage/stage.ts'
import { digestInEcr } from './stage/tokens.ts'
import { isListening, until } from './stage/until.ts'
import { newUser, type User } from './stage/user.ts'
import type { World } from './stage/world.ts'

/** A second sidecar beside the one of the stage: with a login of its own, and rules for pushes. */
const HOST = `${CNAME}:5000`
const HOOK = '/run/rules/check'
const HOOK_TEXT = `#!/bin/sh
grep -q '"reference":"friday' || exit 0
echo "no releases on a Friday"
exit 1
`
const RULES = {
  tags: ['v*', 'friday*'],
  requireLabels: ['team'],
  createRepository: { scanOnPush: true },
  hook: [HOOK],
}

const stage = useStage({
  programs: ['docker', 'dockerd', 'skopeo'],
  more: [startEngine, startStrictSidecar],
})

async function startStrictSidecar(world: World): Promise<void> {
  const config = { registries: { [CNAME]: ECR }, proxy: { push: RULES } }
  await world.write('/run/rules/config.json', JSON.stringify(config))
  await world.write('/run/rules/clients', `alice:${hashSync('secret', 4)}\n`)
  await world.write(HOOK, HOOK_TEXT)
  await world.succeed(`chmod 755 ${HOOK}`)
  for (const clients of ['docker', 'containers']) {
    const folder = `/etc/${clients}/certs.d/${HOST}`
    await world.succeed(`install -D /run/company/ca.pem ${folder}/ca.crt`)
  }
  const address = `${ADDRESSES[CNAME]}:5000`
  const identity = await newUser(world, DEVELOPER, ['none.json', {}])
  await world.start(
    'strict-sidecar',
    `ecr-cname serve --listen ${address} --admin 127.0.0.1:9101 --auth inject
      --clients /run/rules/clients
      --tls-cert /run/sidecar/tls.crt --tls-key /run/sidecar/tls.key`,
    {
      env: {
        HOME: identity.home,
        ECR_CNAME_CONFIG: '/run/rules/config.json',
        NODE_EXTRA_CA_CERTS: '/run/amazon/ca.pem',
      },
    },
  )
  await until('the strict sidecar', () => isListening(world, address))
}

describe('rules for pushes', () => {
  let user: User

  beforeAll(async () => {
    user = await newUser(stage().world, DEVELOPER, ['.docker/config.json', {}])
    await dockerOf(user, 'docker').login(HOST, 'alice', 'secret')
  })

  /** An image of the engine, under a name to push it by. */
  async function importImage(name: string, label: string): Promise<string> {
    const { tar } = await makeRootFilesystem(stage().world)
    await user.succeed(['docker', 'import', '--change', `LABEL ${label}`, tar, `${HOST}/${name}`])
    return `${HOST}/${name}`
  }

  it.each([
    ['rules/app:latest', 'team=a', 'denied: latest: pushes are taken with the tags v*, friday*'],
    ['rules/app:v1', 'other=a', 'denied: the label team is missing'],
    ['rules/app:friday1', 'team=a', 'denied: no releases on a Friday'],
  ])('have docker show why %s with %s is refused', async (name, label, reason) => {
    const image = await importImage(name, label)
    const { code, stderr } = await user.run(`docker push ${image}`)
    expect([code, stderr]).toEqual([1, expect.stringContaining(reason)])
  })

  it('let docker push to a repository that was absent', async () => {
    const image = await importImage('rules/new-by-docker:v1', 'team=a')
    const digest = await dockerOf(user, 'docker').push(image)
    expect(await digestInEcr(user, image.replace(HOST, CNAME))).toBe(digest)
  })

  it('let skopeo push to a repository that was absent, and have it show refusals', async () => {
    const image = await importImage('rules/any:v1', 'team=a')
    await user.succeed(`docker save --output /run/tmp/image.tar ${image}`)
    const copy = `skopeo copy --dest-creds alice:secret docker-archive:/run/tmp/image.tar`
    const target = `docker://${HOST}/rules/new-by-skopeo`
    await user.succeed(`${copy} ${target}:v1`)
    const settings = await user.succeed(
      `aws ecr describe-repositories --repository-names rules/new-by-skopeo
        --query repositories[0].imageScanningConfiguration.scanOnPush`,
    )
    expect(settings.trim()).toBe('true')
    const { code, stderr } = await user.run(`${copy} ${target}:friday2`)
    expect([code, stderr]).toEqual([1, expect.stringContaining('no releases on a Friday')])
  })
})
