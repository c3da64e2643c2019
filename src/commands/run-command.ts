/** One command, once it is known which. */

import { UserError } from '../domain/errors.ts'
import type { Command, World } from './command.ts'
import { guarded } from './guarded.ts'
import { helpOf } from './help.ts'

/** Runs a command, or shows its help. Resolves to the exit code. */
export async function runCommand(
  command: Command,
  args: readonly string[],
  world: World,
): Promise<number> {
  if (!args.includes('--help') && !args.includes('-h')) {
    return await guarded(async () => {
      requireTaken(command, args)
      return await command.run(args, world)
    }, world)
  }
  world.stdout(helpOf(command))
  return 0
}

// Of a command that reads none; all others say themselves what they expect.
function requireTaken(
  { name, operands = '<', options }: Command,
  [extra]: readonly string[],
): void {
  if (options || !operands.startsWith('<') || extra === undefined) return
  const reason = `it takes no arguments, got ${JSON.stringify(extra)}`
  throw new UserError('USAGE', `${name}: ${reason}; see ecr-cname ${name} --help`)
}
