/** Manual pages, in the macros of man(7). */

import type { Command, Option } from '../../src/commands/command.ts'
import { usageOf } from '../../src/commands/help.ts'

/** The page of ecr-cname itself. */
export function overviewManual(commands: readonly Command[]): string {
  return page('ecr-cname', 'Amazon ECR under a name of your own', [
    section('SYNOPSIS', ['.B ecr\\-cname', escape('<command> [options]')]),
    section('COMMANDS', commands.flatMap(toItem)),
    section('SEE ALSO', [
      commands.map(({ name }) => `.BR ecr\\-cname\\-${escape(name)} (1)`).join(' ,\n'),
    ]),
  ])
}

/** The page of one command. */
export function commandManual(command: Command): string {
  const { name, summary, options = [], notes, example } = command
  return page(`ecr-cname-${name}`, summary, [
    section('SYNOPSIS', [escape(usageOf(command))]),
    ...(options.length > 0 ? [section('OPTIONS', options.flatMap(toFlag))] : []),
    ...(notes === undefined ? [] : [section('NOTES', ['.nf', ...lines(notes), '.fi'])]),
    section('EXAMPLE', ['.nf', ...lines(example), '.fi']),
    section('EXIT STATUS', ['0 done, 1 failed, 2 used wrongly.']),
    section('SEE ALSO', ['.BR ecr\\-cname (1)']),
  ])
}

function page(name: string, summary: string, sections: readonly string[]): string {
  const head = `.TH ${escape(name.toUpperCase())} 1 "" "ecr\\-cname"`
  const title = section('NAME', [`${escape(name)} \\- ${escape(summary)}`])
  return `${[head, title, ...sections].join('\n')}\n`
}

function section(title: string, content: readonly string[]): string {
  return [`.SH ${title}`, ...content].join('\n')
}

function toItem({ name, summary }: Command): string[] {
  return ['.TP', `.B ${escape(name)}`, escape(summary)]
}

function toFlag({ name, value, summary }: Option): string[] {
  const flag = `.B \\-\\-${escape(name)}`
  return [
    '.TP',
    value === undefined ? flag : `.BI \\-\\-${escape(name)} " ${escape(value)}"`,
    escape(summary),
  ]
}

function lines(text: string): string[] {
  return text.split('\n').map(escape)
}

// A dot or quote at the start of a line would be a macro.
function escape(text: string): string {
  const plain = text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll('…', '...')
  return plain.replace(/^(?=[.'])/, '\\&')
}
