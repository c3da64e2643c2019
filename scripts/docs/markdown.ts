/** docs/commands.md. */

import type { Command } from '../../src/commands/command.ts'
import { flagOf, usageOf } from '../../src/commands/help.ts'

/** All commands on one page. */
export function toMarkdown(commands: readonly Command[]): string {
  return `# Commands

Made by \`npm run docs\` from the table that \`--help\` is made from.

${commands.map(({ name, summary }) => `- [${name}](#${name}): ${escape(summary)}`).join('\n')}

${commands.map(toSection).join('\n')}`
}

function toSection(command: Command): string {
  const { name, summary, options = [], notes, example } = command
  const rows = options.map(
    (option) => `| \`${cell(flagOf(option))}\` | ${cell(escape(option.summary))} |`,
  )
  return [
    `## ${name}\n`,
    `${escape(summary)}.\n`,
    fenced(usageOf(command)),
    ...(rows.length > 0 ? [`| option | |\n|---|---|\n${rows.join('\n')}\n`] : []),
    ...(notes === undefined ? [] : [fenced(notes)]),
    fenced(example, 'sh'),
  ].join('\n')
}

function fenced(text: string, language = 'text'): string {
  return `\`\`\`${language}\n${text}\n\`\`\`\n`
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}

function escape(text: string): string {
  return text.replaceAll(/[<>*_]/g, String.raw`\$&`)
}
