import { beforeAll, describe, expect, it } from 'vitest'

import { dockerOf } from './stage/docker.ts'
import { DEVELOPER } from './stage/ecr.ts'
import { startEngine } from './stage/engine.ts'
import { makeRootFilesystem } from './stage/image.ts'
import { ADDRESSES, ECR, SECOND } from './stage/names.ts'
import { ALICE, FOR_PASSWORDS, writePasswords } from './stage/passwords.ts'
import { startSidecar } from './stage/product.ts'
import { useStage } from './stage/stage.ts'
import { digestInEcr } from './stage/tokens.ts'
import { newUser, type User } from './stage/user.ts'

/** The name of a sidecar with rules for pushes. */
const HOST = SECOND
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
  more: [startEngine],
  sidecars: async ({ world, company }) => {
    await world.write(HOOK, HOOK_TEXT)
    await world.succeed(`chmod 755 ${HOOK}`)
    await writePasswords(world)
    await startSidecar(world, company, {
      address: ADDRESSES[HOST],
      registries: { [HOST]: ECR },
      proxy: { ...FOR_PASSWORDS, push: RULES },
    })
  },
})

describe('rules for pushes', () => {
  let user: User

  beforeAll(async () => {
    user = await newUser(stage().world, DEVELOPER, ['.docker/config.json', {}])
    await dockerOf(user, 'docker').login(HOST, ALICE.name, ALICE.password)
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
    expect(await digestInEcr(user, image)).toBe(digest)
  })

  it('let skopeo push to a repository that was absent, and have it show refusals', async () => {
    const image = await importImage('rules/any:v1', 'team=a')
    await user.succeed(`docker save --output /run/tmp/image.tar ${image}`)
    const copy = `skopeo copy --dest-creds ${ALICE.name}:${ALICE.password} docker-archive:/run/tmp/image.tar`
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
