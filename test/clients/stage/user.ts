/** Someone at a terminal of the world: a home folder with the files that a person would have written there. */
import type { AccessKey } from './ecr.ts'
import type { Command, Finished, RunOptions, World } from './world.ts'

export type User = {
  /** Their home folder. */
  readonly home: string
  readonly run: (command: Command, options?: RunOptions) => Promise<Finished>
  readonly succeed: (command: Command, options?: RunOptions) => Promise<string>
}

let users = 0

/** Someone new, with a client's configuration in the home folder, and a key of AWS if they have one. */
export async function newUser(
  world: World,
  key: AccessKey | undefined,
  [file, content]: readonly [file: string, content: object],
): Promise<User> {
  const home = `/run/home/${++users}`
  await world.write(`${home}/.aws/config`, '[default]\nregion = us-east-1\n')
  if (key) {
    await world.write(
      `${home}/.aws/credentials`,
      `[default]\naws_access_key_id = ${key.id}\naws_secret_access_key = ${key.secret}\n`,
    )
  }
  await world.write(`${home}/${file}`, JSON.stringify(content))
  const env = {
    HOME: home,
    // Neither of these two asks the system whom to trust.
    AWS_CA_BUNDLE: '/run/amazon/ca.pem',
    NODE_EXTRA_CA_CERTS: '/run/amazon/ca.pem',
    REGISTRY_AUTH_FILE: `${home}/auth.json`,
  }
  const as = (options?: RunOptions) => ({ ...options, env: { ...env, ...options?.env } })
  return {
    home,
    run: (command, options) => world.run(command, as(options)),
    succeed: (command, options) => world.succeed(command, as(options)),
  }
}
