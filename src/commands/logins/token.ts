/** `token HOST`: the password alone, or with all that is known of it. */

import { toBasic } from '../../domain/basic.ts'
import { UserError } from '../../domain/errors.ts'
import { nameOf } from '../../domain/server-url.ts'
import { readArguments } from '../arguments.ts'
import type { World } from '../command.ts'
import { toJson } from '../text.ts'
import { type Granted, grant, nameTarget, type Named } from '../tokens.ts'
import { tokenHelp } from './help.ts'
import { principalOf } from './hosts.ts'

export async function token(args: readonly string[], world: World): Promise<number> {
  const { flags, operands } = readArguments(tokenHelp, args)
  const [host, ...more] = operands
  if (!host || more.length > 0) throw new UserError('USAGE', 'token: expected one HOST')
  if (flags.json && flags.header) {
    throw new UserError('USAGE', 'token: expected --json or --header, not both')
  }
  const named = await nameTarget(host, world.env)
  const as = principalOf(flags)
  const granted = await grant(named.target, world, as ? { as } : {})
  if (flags.json) world.stdout(toJson(await describe(named, granted, { env: world.env, as })))
  else world.stdout(flags.header ? toHeader(granted) : `${granted.secret}\n`)
  return 0
}

function toHeader(granted: Granted): string {
  return `Authorization: Basic ${toBasic(granted)}\n`
}

async function describe(
  { asked, target }: Named,
  { username, secret, expiresAt }: Granted,
  { env, as }: Pick<World, 'env'> & { readonly as: object | undefined },
) {
  const { sourceOf } = await import('../../aws/source.ts')
  return {
    host: nameOf(asked),
    registry: target.mapping.registry.host,
    username,
    password: secret,
    expiresAt: expiresAt === undefined ? null : new Date(expiresAt).toISOString(),
    // A login that is kept is nobody's of AWS.
    identity: expiresAt === undefined ? null : await sourceOf({ ...target.mapping, ...as }, env),
  }
}
