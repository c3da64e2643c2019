/** Clients that push and pull, each in its own words. */
import { CONTAINERD } from './engine.ts'
import { makeArchive } from './image.ts'
import type { Program } from './needs.ts'
import type { Login } from './passwords.ts'
import type { User } from './user.ts'
import type { Finished, World } from './world.ts'

/** The programs that it takes to run them. */
export const CLIENT_PROGRAMS = [
  'docker',
  'dockerd',
  'ctr',
  'podman',
  'buildah',
  'skopeo',
] as const satisfies readonly Program[]

export type Client = {
  readonly name: string
  /** Takes an image out of an archive. */
  readonly load: (archive: string, image: string) => string
  readonly push: (image: string) => string
  readonly pull: (image: string) => string
  /** Takes away what was loaded or pulled. */
  readonly forget: (image: string) => string
}

export type Means = {
  /** For the one client that keeps no logins. */
  readonly login?: Login
  /** A folder such as `/etc/docker/certs.d`, which is docker's own. */
  readonly certificates?: string
}

/** All of them, with what they need to be let in. */
export function clientsWith({ login, certificates }: Means = {}): readonly Client[] {
  const shown = (image: string, flag = 'cert-dir') =>
    certificates === undefined ? '' : ` --${flag}=${certificates}/${image.split('/')[0]}`
  const ctr = `ctr --address ${CONTAINERD} images`
  const loggedIn = login ? ` --user ${login.name}:${login.password}` : ''
  const hosts = ` --hosts-dir ${certificates ?? '/etc/docker/certs.d'}`
  const store = (name: string, pull: string): Client => ({
    name,
    load: (archive) => `${name} pull docker-archive:${archive}`,
    push: (image) => `${name} push${shown(image)} ${image}`,
    pull: (image) => `${name} ${pull}${shown(image)} ${image}`,
    forget: (image) => `${name} rmi ${image}`,
  })
  return [
    {
      name: 'docker',
      load: (archive) => `docker load --input ${archive}`,
      push: (image) => `docker push ${image}`,
      pull: (image) => `docker pull ${image}`,
      forget: (image) => `docker rmi ${image}`,
    },
    store('podman', 'pull'),
    // It is content with an image that is here already, unless told otherwise.
    store('buildah', 'pull --policy=always'),
    {
      name: 'skopeo',
      load: (archive, image) => `skopeo copy docker-archive:${archive} ${placeOf(image)}`,
      push: (image) =>
        `skopeo copy${shown(image, 'dest-cert-dir')} ${placeOf(image)} docker://${image}`,
      pull: (image) =>
        `skopeo copy${shown(image, 'src-cert-dir')} docker://${image} ${placeOf(image)}`,
      forget: (image) => `rm -r ${placeOf(image).replace('dir:', '')}`,
    },
    {
      name: 'ctr',
      load: (archive) => `${ctr} import ${archive}`,
      push: (image) => `${ctr} push${hosts}${loggedIn} ${image}`,
      pull: (image) => `${ctr} pull${hosts}${loggedIn} ${image}`,
      forget: (image) => `${ctr} rm --sync ${image}`,
    },
  ]
}

/** Whether it keeps logins; one that does not is told its password each time. */
export const isLoggingIn = ({ name }: Client) => name !== 'ctr'

export type At = { readonly host: string; readonly login: Login }

export function logIn(user: User, client: Client, { host, login }: At): Promise<Finished> {
  const command = `${client.name} login --username ${login.name} --password-stdin ${host}`
  return user.run(command, { stdin: login.password })
}

/** Makes an image that the registry has and the client no longer. */
export async function pushNew(
  world: World,
  client: Client,
  as: { user: User; repository: string },
) {
  const { image, archive } = await makeArchive(world, as.repository)
  await as.user.succeed(client.load(archive, image))
  await as.user.succeed(client.push(image))
  await as.user.succeed(client.forget(image))
  return image
}

const placeOf = (image: string) => `dir:/run/tmp/${image.replaceAll(/[/:]/g, '_')}`
