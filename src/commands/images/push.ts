/** `push`: an image out of a file or folder. */

import { UserError } from '../../domain/errors.ts'
import { formatReference, parseReference, type Reference } from '../../domain/reference.ts'
import { parsePlatform } from '../../images/platform.ts'
import { type Pushed, pushImage } from '../../images/push.ts'
import { type Flags, readArguments } from '../arguments.ts'
import type { Command, World } from '../command.ts'
import { withAccess } from './access.ts'
import { formatSize } from './format.ts'
import { pushHelp } from './help.ts'
import { openProgress } from './progress.ts'

export const push: Command = { ...pushHelp, run }

async function run(args: readonly string[], world: World): Promise<number> {
  const { flags, operands } = readArguments(pushHelp, args)
  const [path, ref, ...more] = operands
  if (path === undefined || ref === undefined || more.length > 0) {
    throw new UserError('USAGE', 'push: expected a file and an image; see ecr-cname push --help')
  }
  const reference = parseReference(ref)
  const platform = flags.platform === undefined ? undefined : parsePlatform(flags.platform)
  const mountFrom = flags['mount-from']?.map((from) => repositoryOf(from, reference))
  const progress = openProgress(world, flags.quiet === true)
  const pushed = await withAccess(reference.asked, world, progress, ({ client }) =>
    pushImage({
      path,
      reference,
      client,
      report: progress.report,
      ...(flags.tag !== undefined && { tag: flags.tag }),
      ...(platform && { platform }),
      ...(mountFrom && { mountFrom }),
    }),
  )
  tell(world, { pushed, ref: formatReference(reference) }, flags)
  return 0
}

// With the registry's name before it, or without.
function repositoryOf(from: string, { name }: Reference): string {
  const whole = from.startsWith(`${name}/`) ? from : `${name}/${from}`
  const { repository, tag, digest } = parseReference(whole)
  if (tag === undefined && digest === undefined) return repository
  throw new UserError('USAGE', `push: --mount-from: expected a repository, such as ${repository}`)
}

type Result = { readonly pushed: Pushed; readonly ref: string }
type PushFlags = Flags<(typeof pushHelp)['options']>

function tell(world: World, { pushed, ref }: Result, flags: PushFlags): void {
  if (flags.json) return world.stdout(`${JSON.stringify({ ref, ...pushed })}\n`)
  if (flags.quiet) return
  const { blobs, size, digest } = pushed
  const counts = Object.entries(blobs).filter(([, count]) => count > 0)
  const told = counts.map(([how, count]) => `${count} ${how}`).join(', ')
  world.stderr(`${ref}: ${formatSize(size)}, ${told}, ${digest}\n`)
}
