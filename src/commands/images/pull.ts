/** `pull`: an image into a file or folder. */

import { oneLine, UserError } from '../../domain/errors.ts'
import { formatReference, parseReference } from '../../domain/reference.ts'
import { type Platform, parsePlatform } from '../../images/platform.ts'
import { type Format, type Pulled, pullImage } from '../../images/pull.ts'
import { pipeOut } from '../../images/pipe.ts'
import { type Flags, readArguments } from '../arguments.ts'
import type { Command, World } from '../command.ts'
import { withAccess } from './access.ts'
import { formatSize } from './format.ts'
import { pullHelp } from './help.ts'
import { layerCache } from './layers.ts'
import { openProgress } from './progress.ts'

type PullFlags = Flags<(typeof pullHelp)['options']>

export const pull: Command = { ...pullHelp, run }

async function run(args: readonly string[], world: World): Promise<number> {
  const { flags, operands } = readArguments(pullHelp, args)
  const [ref, ...more] = operands
  if (ref === undefined || more.length > 0) throw usage('expected one image')
  const reference = parseReference(ref)
  const path = flags.output ?? ''
  const format = (flags.format ?? 'docker') as Format
  const platform = platformOf(flags, format)
  if (path === '') throw usage('expected -o FILE')
  if (path === '-' && world.stdoutIsTerminal) {
    throw usage('an archive is not for a terminal; name a file, or send it into a pipe')
  }
  if (path === '-' && (format === 'oci' || flags.json)) {
    throw usage(
      `-o - is one archive and nothing else; leave out ${flags.json ? '--json' : '--format oci'}`,
    )
  }
  const progress = openProgress(world, flags.quiet === true)
  const cache = flags['no-cache'] ? undefined : layerCache(world)
  const pulled = await withAccess(reference.asked, world, progress, ({ client }) => {
    const order = {
      reference,
      client,
      format,
      report: progress.report,
      ...(platform && { platform }),
      ...(cache && { cache }),
    }
    const act = (to: string) => pullImage({ ...order, path: to })
    return path === '-' ? pipeOut(world, act) : act(path)
  })
  // As head does it on purpose: not all was written, and there is nothing to tell.
  if (!pulled) return 1
  tell(world, { pulled, path, ref: formatReference(reference) }, flags)
  return 0
}

function platformOf(flags: PullFlags, format: Format): Platform | 'all' | undefined {
  if (!flags['all-platforms']) return flags.platform ? parsePlatform(flags.platform) : undefined
  if (flags.platform) throw usage('--platform and --all-platforms exclude each other')
  if (format === 'docker') {
    throw usage('a docker archive has one platform; for all of them add --format oci-archive')
  }
  return 'all'
}

type Result = { readonly pulled: Pulled; readonly path: string; readonly ref: string }

function tell(world: World, { pulled, path, ref }: Result, flags: PullFlags): void {
  if (flags.json) world.stdout(`${JSON.stringify({ ref, ...pulled, output: path })}\n`)
  else if (!flags.quiet) {
    const { layers, size, digest } = pulled
    world.stderr(
      `${oneLine(path)}: ${ref}, ${layers} ${layers === 1 ? 'layer' : 'layers'}, ${formatSize(size)}, ${digest}\n`,
    )
  }
}

function usage(reason: string): UserError {
  return new UserError('USAGE', `pull: ${reason}; see ecr-cname pull --help`)
}
