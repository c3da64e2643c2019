/** The emulator of ECR as a program of the world, under the names that AWS gives it. */
import { fileURLToPath } from 'node:url'

import { EMULATOR, PORTS } from './names.ts'
import { isListening, until } from './until.ts'
import type { World } from './world.ts'

type Call = {
  readonly operation: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly status?: number
}

export type AccessKey = { readonly id: string; readonly secret: string }

export type Ecr = {
  /** How many tokens were asked for so far. */
  readonly mints: () => Promise<number>
  /** Creates a repository in a region other than the first. */
  readonly createRepository: (name: string, region: string) => Promise<void>
  /** Whether layers may be mounted from one repository into another, which accounts can set. */
  readonly setMounting: (isOn: boolean) => Promise<void>
  /** From now on tokens live so long. */
  readonly setTokenSeconds: (seconds: number) => Promise<void>
  /** From now on layers leave the bucket at so many bytes a second each; at full speed without. */
  readonly setLayerSpeed: (bytesPerSecond?: number) => Promise<void>
  /** How many downloads have begun so far. */
  readonly downloads: () => Promise<number>
  /**
   * How many clients load the layer that most of them load: of the downloads after the first so many,
   * for one that was cut before never ends.
   */
  readonly clientsLoading: (after: number) => Promise<number>
}

/** Someone who may do everything, and someone who may not even have a token. */
export const DEVELOPER: AccessKey = {
  id: 'AKIADEVELOPER0000000',
  secret: 'the-secret-of-a-developer',
}
export const STRANGER: AccessKey = {
  id: 'AKIASTRANGER00000000',
  secret: 'the-secret-of-a-stranger',
}

const USERS = 'arn:aws:iam::123456789012:user'
const KEYS = {
  [DEVELOPER.id]: { secret: DEVELOPER.secret, arn: `${USERS}/developer` },
  [STRANGER.id]: { secret: STRANGER.secret, arn: `${USERS}/stranger`, deny: ['ecr:*'] },
}

const REPOSITORIES = ['team/app', 'team/base', 'others/app']

const MAIN = fileURLToPath(new URL('../../emulator/main.ts', import.meta.url))
// The last of its ports to be opened.
const ADMIN = `${EMULATOR}:${PORTS.admin}`

/** Starts it; the authority that its certificates are from is `/run/amazon/ca.pem`. */
export async function startEcr(world: World): Promise<Ecr> {
  const ports = Object.entries(PORTS).map(([name, port]) => `--${name}-port ${port}`)
  const repositories = REPOSITORIES.map((name) => `--repository ${name}`)
  const places = `--folder /run/ecr --ca-folder /run/amazon ${repositories.join(' ')}`
  const flags = `--address ${EMULATOR} ${ports.join(' ')} ${places} --set keys=${JSON.stringify(KEYS)}`
  await world.start('emulator', [process.execPath, MAIN, ...flags.split(' ')])
  await until('the emulator', () => isListening(world, ADMIN))

  const ask = (path: string, ...options: string[]) =>
    world.succeed(['curl', '--silent', '--fail', ...options, `http://${ADMIN}${path}`])
  const set = async (settings: object) => {
    await ask('/settings', '--request', 'PUT', '--data', JSON.stringify(settings))
  }
  const callsOf = async (wanted: string) => {
    const calls = JSON.parse(await ask('/calls')) as Call[]
    return calls.filter(({ operation }) => operation === wanted)
  }
  return {
    mints: async () => (await callsOf('GetAuthorizationToken')).length,
    downloads: async () => (await callsOf('GetLayer')).length,
    clientsLoading: async (after) => {
      const calls = (await callsOf('GetLayer')).slice(after)
      const open = calls.filter(({ status }) => status === undefined)
      const byLayer = Object.groupBy(open, ({ path }) => path.split('?')[0] ?? '')
      // Not their number: one that was cut has no status either, and its client has begun again.
      const clients = Object.values(byLayer).map(
        (group) => new Set(group?.map(({ headers }) => headers['user-agent'])).size,
      )
      return Math.max(0, ...clients)
    },
    setLayerSpeed: async (bytesPerSecond) => {
      await ask('/faults', '--request', 'DELETE')
      if (bytesPerSecond === undefined) return
      const fault = { service: 'bucket', kind: 'slow', bytesPerSecond }
      await ask('/faults', '--data', JSON.stringify(fault))
    },
    createRepository: async (name, region) => {
      await world.succeed(
        `aws --region ${region} ecr create-repository --repository-name ${name}`,
        {
          env: {
            AWS_ACCESS_KEY_ID: DEVELOPER.id,
            AWS_SECRET_ACCESS_KEY: DEVELOPER.secret,
            AWS_CA_BUNDLE: '/run/amazon/ca.pem',
          },
        },
      )
    },
    setMounting: (blobMounting) => set({ blobMounting }),
    setTokenSeconds: (tokenSeconds) => set({ tokenSeconds }),
  }
}
