/** What one does with a docker client, said once for all of its versions. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'

import { makeRootFilesystem } from './image.ts'
import type { User } from './user.ts'
import type { Finished, World } from './world.ts'

export type Docker = ReturnType<typeof dockerOf>

/** Debian's client. */
export const DEBIANS = '/usr/bin/docker'

/** That one, and a newer one where there is one: they differ in what they ask a helper. */
export const DOCKERS = [DEBIANS, '/usr/local/bin/docker']
  .filter((program) => program === DEBIANS || existsSync(program))
  .map((program) => ({ program, version: versionOf(program) }))

const RUNS = 'CMD ["/bin/busybox", "cat", "/who"]'

/** A docker client, as this user calls it. */
export function dockerOf(user: User, program: string) {
  const succeed = (command: string) => user.succeed(`${program} ${command}`)
  const push = async (image: string) => digestIn(await succeed(`push ${image}`))
  return {
    succeed,
    run: (command: string): Promise<Finished> => user.run(`${program} ${command}`),
    push,
    pull: async (image: string) => digestIn(await succeed(`pull ${image}`)),
    runImage: (image: string, command = '') =>
      succeed(`run --rm --network=none ${image} ${command}`.trim()),
    /** Makes an image that the registry has and the engine has no longer. */
    async pushNew(world: World, host: string) {
      const { who, tag, tar } = await makeRootFilesystem(world)
      const image = `${host}/team/app:${tag}`
      await user.succeed([program, 'import', '--change', RUNS, tar, image])
      const digest = await push(image)
      await succeed(`rmi ${image}`)
      return { image, who, digest }
    },
    /** Builds as docker did before BuildKit. */
    build: (tag: string, ...dockerfile: readonly string[]) =>
      user.succeed(`${program} build --network=none --tag ${tag} -`, {
        stdin: dockerfile.join('\n'),
        env: { DOCKER_BUILDKIT: '0' },
      }),
    login: (host: string, name: string, password: string) =>
      user.succeed(`${program} login --username ${name} --password-stdin ${host}`, {
        stdin: password,
      }),
  }
}

function digestIn(output: string) {
  return /digest: (sha256:[0-9a-f]{64})/i.exec(output)?.[1]
}

function versionOf(program: string) {
  if (!existsSync(program)) return ''
  const said = execFileSync(program, ['--version'], { encoding: 'utf8' })
  return /version ([^,]+)/.exec(said)?.[1] ?? said
}
