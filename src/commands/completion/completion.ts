/** `completion SHELL`: scripts made from the table of the commands. */

import { UserError } from '../../domain/errors.ts'
import { readArguments } from '../arguments.ts'
import type { Command, World } from '../command.ts'
import { toBash } from './bash.ts'
import { toFish } from './fish.ts'
import { completionHelp, type Shell, SHELLS } from './help.ts'
import { toPowershell } from './powershell.ts'
import { toZsh } from './zsh.ts'

const SCRIPTS: Readonly<Record<Shell, (commands: readonly Command[]) => string>> = {
  bash: toBash,
  zsh: toZsh,
  fish: toFish,
  powershell: toPowershell,
}

/** Prints the script of a shell, for these commands. */
export async function printCompletion(
  args: readonly string[],
  world: World,
  commands: readonly Command[],
): Promise<number> {
  const [name, ...more] = readArguments(completionHelp, args).operands
  const shell = SHELLS.find((one) => one === name)
  if (!shell || more.length > 0) {
    const given = JSON.stringify([name, ...more].join(' '))
    throw new UserError('USAGE', `completion: expected ${SHELLS.join(', ')}, got ${given}`)
  }
  world.stdout(SCRIPTS[shell](commands.filter(({ hidden }) => !hidden)))
  return 0
}
