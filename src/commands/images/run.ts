/** `pull` and `push` alone: a part of their own when packed, for all commands take longer to load. */

import type { World } from '../command.ts'
import { runCommand } from '../run-command.ts'
import { pull } from './pull.ts'
import { push } from './push.ts'

/** Runs `ecr-cname pull …` or `ecr-cname push …`. Resolves to the exit code. */
export async function runImages([name, ...args]: readonly string[], world: World): Promise<number> {
  return await runCommand(name === 'push' ? push : pull, args, world)
}
