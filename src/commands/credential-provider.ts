/** `credential-provider`: answers kubelet, by the mapping and out of the store of the helper. */

import {
  type KubeletAnswer,
  type PodRole,
  readKubeletRequest,
  toKubeletResponse,
} from '../domain/kubelet.ts'
import { readServerUrl } from '../domain/names.ts'
import { nameOf } from '../domain/server-url.ts'
import type { World } from './command.ts'
import { credentialFor, DEADLINE_MS, targetOf } from './credential.ts'
import type { Target } from './registries.ts'

/** Answers the request on stdin; a failure is one line on stderr, which kubelet logs. */
export async function provideCredentials(world: World): Promise<number> {
  const { apiVersion, image, podRole } = readKubeletRequest(world.readInput().toString('utf8'))
  const signal = AbortSignal.timeout(DEADLINE_MS)
  const asked = image.includes('/') ? readServerUrl(image) : undefined
  const target = asked && (await targetOf(asked, world))
  const found = target && (await credentialOf(target, { podRole, world, signal }))
  const answer = asked && found && toAnswer(nameOf(asked), found, world.now())
  world.stdout(toKubeletResponse(apiVersion, answer))
  return 0
}

type Asking = {
  readonly podRole: PodRole | undefined
  readonly world: World
  readonly signal: AbortSignal
}
type Found = {
  readonly username: string
  readonly secret: string
  readonly expiresAt?: number | undefined
}

// What a pod's own role gets is for that pod: kubelet keeps it for the service account, we don't.
async function credentialOf(
  target: Target,
  { podRole, world, signal }: Asking,
): Promise<Found | undefined> {
  if (!podRole) return await credentialFor(target, world, signal)
  const { mint } = await import('../aws/mint.ts')
  return await mint(target.mapping.registry, { podRole }, { env: world.env, signal })
}

// Logins may be changed at any time; so may what does not say when it ends.
const UNKNOWN_LIFE_MS = 300_000

function toAnswer(
  registry: string,
  { username, secret: password, expiresAt }: Found,
  now: number,
): KubeletAnswer {
  const left = expiresAt === undefined ? UNKNOWN_LIFE_MS : expiresAt - now
  // A pull may begin at the last moment, and takes its time.
  const margin = Math.min(15 * 60_000, left / 10)
  return { registry, username, password, holds: Math.max(0, Math.floor((left - margin) / 1000)) }
}
