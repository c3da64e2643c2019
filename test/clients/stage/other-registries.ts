/** Debian's docker-registry, for the registries that are no ECR: one has logins of its own, one is open to all. */
import type { Leaf } from '../../emulator/certificates.ts'
import { ADDRESSES, OPEN, OTHER } from './names.ts'
import { isListening, until } from './until.ts'
import type { World } from './world.ts'

export const LOGIN = { user: 'octocat', password: 'a-password-of-theirs' }
// As `htpasswd -nbB octocat a-password-of-theirs` prints it.
const HTPASSWD = 'octocat:$2b$04$47UCk3WDrZg6fRlfcim5bOTUouh/pQJOq0DyTXb3KMe4R53bJ0cqG\n'

export async function startRegistryWithLogins(world: World, certificate: Leaf) {
  await world.write(`/run/${OTHER}/htpasswd`, HTPASSWD)
  await startRegistry(world, OTHER, certificate, {
    REGISTRY_AUTH: 'htpasswd',
    REGISTRY_AUTH_HTPASSWD_REALM: OTHER,
    REGISTRY_AUTH_HTPASSWD_PATH: `/run/${OTHER}/htpasswd`,
  })
}

export async function startOpenRegistry(world: World, certificate: Leaf) {
  await startRegistry(world, OPEN, certificate)
}

async function startRegistry(
  world: World,
  name: typeof OTHER | typeof OPEN,
  { cert, key }: Leaf,
  settings: Readonly<Record<string, string>> = {},
) {
  const folder = `/run/${name}`
  await world.write(`${folder}/config.yml`, 'version: 0.1\n')
  await world.write(`${folder}/tls.crt`, cert)
  await world.write(`${folder}/tls.key`, key)
  await world.start(name, `docker-registry serve ${folder}/config.yml`, {
    env: {
      REGISTRY_HTTP_ADDR: `${ADDRESSES[name]}:443`,
      REGISTRY_HTTP_TLS_CERTIFICATE: `${folder}/tls.crt`,
      REGISTRY_HTTP_TLS_KEY: `${folder}/tls.key`,
      REGISTRY_STORAGE: 'filesystem',
      REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: `${folder}/data`,
      ...settings,
    },
  })
  await until(name, () => isListening(world, `${ADDRESSES[name]}:443`))
}
