/** `cache`: the layers that are kept on disk. */

import { UserError } from '../../domain/errors.ts'
import { openCache } from '../../images/cache.ts'
import { readArguments } from '../arguments.ts'
import type { Command, World } from '../command.ts'
import { formatSize } from './format.ts'
import { cacheHelp } from './help.ts'
import { layersFolder, limitOf } from './layers.ts'

export const cache: Command = { ...cacheHelp, run }

async function run(args: readonly string[], world: World): Promise<number> {
  const { flags, operands } = readArguments(cacheHelp, args)
  const [word = 'show', ...more] = operands
  if (more.length > 0 || (word !== 'show' && word !== 'clear')) {
    throw new UserError('USAGE', `cache: expected show or clear, got ${operands.join(' ')}`)
  }
  const { env, now } = world
  const folder = layersFolder(env)
  const limit = limitOf(env) ?? 0
  const layers = openCache({ folder, limit, now })
  const kept = [...layers.list()].sort((a, b) => b.usedAt - a.usedAt)
  const size = kept.reduce((sum, one) => sum + one.size, 0)
  if (word === 'clear') await layers.clear()
  if (flags.json) {
    const listed = kept.map(({ usedAt, ...one }) => ({ ...one, usedAt: dateOf(usedAt) }))
    const result =
      word === 'clear' ? { cleared: listed.length, size } : { limit, size, layers: listed }
    world.stdout(`${JSON.stringify({ folder, ...result }, undefined, 2)}\n`)
    return 0
  }
  const amount = `${kept.length} ${kept.length === 1 ? 'layer' : 'layers'}, ${formatSize(size)}`
  if (word === 'clear') world.stdout(`cleared ${amount} from ${folder}\n`)
  else {
    const rows = kept.map((one) => {
      const [day, time = ''] = dateOf(one.usedAt).split('T')
      return `${formatSize(one.size).padStart(7)}  ${day} ${time.slice(0, 5)}  ${one.digest}\n`
    })
    world.stdout(`${rows.join('')}${amount} of ${formatSize(limit)} in ${folder}\n`)
  }
  return 0
}

function dateOf(ms: number): string {
  return new Date(ms).toISOString()
}
