/** One command, once it is known which. */

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
    return await guarded(() => command.run(args, world), world)
  }
  world.stdout(helpOf(command))
  return 0
}
