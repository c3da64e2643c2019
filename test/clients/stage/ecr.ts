/** The emulator of ECR as a program of the world, under the names that AWS gives it. */
import { fileURLToPath } from 'node:url'

import { EMULATOR, PORTS } from './names.ts'
import { isListening, until } from './until.ts'
import type { World } from './world.ts'

export type AccessKey = { readonly id: string; readonly secret: string }

export type Ecr = {
  /** How many tokens were asked for so far. */
  readonly mints: () => Promise<number>
  /** From now on tokens live so long. */
  readonly setTokenSeconds: (seconds: number) => Promise<void>
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

const MAIN = fileURLToPath(new URL('../../emulator/main.ts', import.meta.url))
// The last of its ports to be opened.
const ADMIN = `${EMULATOR}:${PORTS.admin}`

/** Starts it; the authority that its certificates are from is `/run/amazon/ca.pem`. */
export async function startEcr(world: World): Promise<Ecr> {
  const ports = Object.entries(PORTS).map(([name, port]) => `--${name}-port ${port}`)
  const places = '--folder /run/ecr --ca-folder /run/amazon --repository team/app'
  const flags = `--address ${EMULATOR} ${ports.join(' ')} ${places} --set keys=${JSON.stringify(KEYS)}`
  await world.start('emulator', [process.execPath, MAIN, ...flags.split(' ')])
  await until('the emulator', () => isListening(world, ADMIN))

  const ask = (path: string, ...options: string[]) =>
    world.succeed(['curl', '--silent', '--fail', ...options, `http://${ADMIN}${path}`])
  return {
    mints: async () => {
      const calls = JSON.parse(await ask('/calls')) as { operation: string }[]
      return calls.filter(({ operation }) => operation === 'GetAuthorizationToken').length
    },
    setTokenSeconds: async (tokenSeconds) => {
      await ask('/settings', '--request', 'PUT', '--data', JSON.stringify({ tokenSeconds }))
    },
  }
}
