/** The documents that are made from the table of the commands: their paths and texts. */

import type { Command } from '../../src/commands/command.ts'
import { SHELLS } from '../../src/commands/completion/help.ts'
import { toBash } from '../../src/commands/completion/bash.ts'
import { toFish } from '../../src/commands/completion/fish.ts'
import { toPowershell } from '../../src/commands/completion/powershell.ts'
import { toZsh } from '../../src/commands/completion/zsh.ts'
import { commandManual, overviewManual } from './manual.ts'
import { toMarkdown } from './markdown.ts'

const COMPLETIONS = {
  bash: { path: 'docs/completion/ecr-cname.bash', make: toBash },
  zsh: { path: 'docs/completion/_ecr-cname', make: toZsh },
  fish: { path: 'docs/completion/ecr-cname.fish', make: toFish },
  powershell: { path: 'docs/completion/ecr-cname.ps1', make: toPowershell },
} as const

/** Path to text of each of them. */
export function pagesOf(commands: readonly Command[]): ReadonlyMap<string, string> {
  const shown = commands.filter(({ hidden }) => !hidden)
  return new Map([
    ['docs/commands.md', toMarkdown(shown)],
    ['docs/man/ecr-cname.1', overviewManual(shown)],
    ...shown.map(
      (command) => [`docs/man/ecr-cname-${command.name}.1`, commandManual(command)] as const,
    ),
    ...SHELLS.map((shell) => {
      const { path, make } = COMPLETIONS[shell]
      return [path, make(shown)] as const
    }),
  ])
}
