/** `login HOST…`: a fresh token, handed to an engine's own login. */

import { toBasic } from '../../domain/basic.ts'
import { oneLine, UserError } from '../../domain/errors.ts'
import { nameOf } from '../../domain/server-url.ts'
import { runProgram, withoutSecrets } from '../../io/programs.ts'
import { CAME_EXPIRED } from '../../tokens/due.ts'
import { readArguments } from '../arguments.ts'
import type { World } from '../command.ts'
import { duration } from '../text.ts'
import { type Granted, grant, type Named, type Terms } from '../tokens.ts'
import { type Engine, pickEngines } from './engines.ts'
import { ENGINES, loginHelp } from './help.ts'
import { principalOf, targetsOf } from './hosts.ts'

export async function login(args: readonly string[], world: World): Promise<number> {
  const { flags, operands } = readArguments(loginHelp, args)
  const engines = pickEngines(flags.tool, world.env)
  if (engines.length === 0) {
    const message = `none of ${ENGINES.join(', ')} is on PATH; install one, or see ecr-cname token --help`
    throw new UserError('ENGINE', message)
  }
  const as = principalOf(flags)
  const { targets, failures } = await targetsOf(operands, flags, world)
  if (targets.length === 0 && failures.length === 0) {
    throw new UserError('USAGE', 'login: expected a HOST, or --account or --region')
  }
  const terms: Terms = { fresh: true, ...(as ? { as } : {}) }
  const logins = targets.map((named) => prepare(named, world, terms))
  const told = new Set<string>()
  const tell = ({ message }: UserError) => {
    if (!told.has(message)) world.stderr(`ecr-cname: ${message}\n`)
    told.add(message)
  }
  failures.forEach(tell)
  // One after the other: engines do not lock the file that they keep logins in.
  for (const one of logins) {
    for (const engine of engines) {
      try {
        world.stdout(`${await logIn(one, engine, world)}\n`)
      } catch (error) {
        if (!(error instanceof UserError)) throw error
        tell(error)
      }
    }
  }
  return told.size === 0 ? 0 : 1
}

type Login = {
  readonly host: string
  readonly granted: () => Promise<Granted>
  /** The command by which our helper answers as the identity that was asked for, if one was. */
  readonly remap?: string
}

// A token is minted when the first engine needs it, and once.
function prepare({ asked, target }: Named, world: World, terms: Terms): Login {
  let pending: Promise<Granted> | undefined
  const host = nameOf(asked)
  const granted = () => (pending ??= grant(target, world, terms))
  const { profile, roleArn } = terms.as ?? {}
  if (!terms.as) return { host, granted }
  const flags = [profile && `--profile ${profile}`, roleArn && `--role-arn ${roleArn}`]
  const words = ['ecr-cname map add', host, target.mapping.registry.host, ...flags]
  return { host, granted, remap: words.filter(Boolean).join(' ') }
}

async function logIn(
  { host, granted, remap }: Login,
  engine: Engine,
  world: World,
): Promise<string> {
  const { env } = world
  const place = engine.helperPlace(host, env)
  if (place) {
    const who = `docker-credential-ecr-cname answers for it (${place})`
    if (!remap) return `${engine.name}: nothing to do for ${host}: ${who}`
    const text = `${engine.name} asks nobody else for ${host}: ${who}, as whom its mapping names`
    throw new UserError('ENGINE', `${text}; name them there: ${remap}`)
  }
  const { username, secret, expiresAt } = await granted()
  const args = [...engine.verb, '--username', username, '--password-stdin', host]
  const ended = await runProgram(engine.name, args, { env: withoutSecrets(env), input: secret })
  if (!ended) {
    throw new UserError(
      'ENGINE',
      `${engine.name} is not on PATH; install it, or name another --tool`,
    )
  }
  const said = ended.stderr.replaceAll(secret, '…').replaceAll(toBasic({ username, secret }), '…')
  if (ended.exitCode !== 0) {
    throw new UserError('ENGINE', `${engine.name} login ${host} failed: ${reasonIn(said)}`)
  }
  // Where it keeps the password, for one; that it succeeded is said below.
  world.stderr(said.replace(/^login succeeded.*\n/im, ''))
  const left = expiresAt === undefined ? undefined : expiresAt - world.now()
  if (left !== undefined && left <= 0) world.stderr(`ecr-cname: ${host}: ${CAME_EXPIRED}\n`)
  const holds = left === undefined || left <= 0 ? '' : ` for ${duration(left)}`
  return `${engine.name}: logged in to ${host} as ${username}${holds}`
}

const NEEDS_SIDECAR =
  'ECR itself stands behind the name, and this engine needs a sidecar there, see: ecr-cname serve --help'

// Engines say last what went wrong; before it may stand what they warn of.
function reasonIn(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '')
  const last = lines.at(-1) ?? 'it said nothing'
  // skopeo says it as a line of a log.
  const [, message] = /^time=.* msg="((?:[^"\\]|\\.)*)"/.exec(last) ?? []
  const unfolded = message?.replaceAll(/(?:\\[nrt])+/g, ' ').replaceAll(/\\(.)/g, '$1')
  const reason = oneLine(unfolded ?? last)
  return /certificate is valid for .*\.dkr[.-]ecr/.test(reason)
    ? `${reason}; ${NEEDS_SIDECAR}`
    : reason
}
