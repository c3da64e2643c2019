/** The texts of `--help`, made from the table of the commands. */

import { type Command, GROUPS, type Option } from './command.ts'

const WIDTH = 98
const COLUMN = 28

/** What `ecr-cname --help` says. */
export function overview(commands: readonly Command[]): string {
  const shown = commands.filter(({ hidden }) => !hidden)
  const width = Math.max(...shown.map(({ name }) => name.length))
  const toLine = ({ name, summary }: Command) => `  ${name.padEnd(width)}  ${summary}`
  const sections = [...GROUPS, undefined].flatMap((group) => {
    const lines = shown.filter((one) => one.group === group).map(toLine)
    return lines.length > 0 ? [[`${group ?? 'More'}:`, ...lines].join('\n')] : []
  })
  return `Amazon ECR under a name of your own.

Usage: ecr-cname <command> [options]

${sections.join('\n\n')}

ecr-cname <command> --help tells more, with an example.
`
}

/** What `ecr-cname <command> --help` says. */
export function helpOf(command: Command): string {
  const { summary, options = [], notes, example } = command
  return [
    `${summary}.`,
    `Usage: ${usageOf(command)}`,
    ...(options.length > 0 ? [options.map(toLines).join('\n')] : []),
    ...(notes === undefined ? [] : [notes]),
    `Example:\n  ${example.replaceAll('\n', '\n  ')}\n`,
  ].join('\n\n')
}

/** How a command is called. */
export function usageOf({ name, operands, options = [] }: Command): string {
  const flags = options.length > 0 ? '[options]' : undefined
  return ['ecr-cname', name, operands, flags].filter((part) => part !== undefined).join(' ')
}

/** A flag with what it takes, such as `--listen ADDR:PORT`. */
export function flagOf({ name, value }: Option): string {
  return value === undefined ? `--${name}` : `--${name} ${value}`
}

function toLines(option: Option): string {
  const [first = '', ...rest] = wrap(option.summary, WIDTH - COLUMN)
  const short = option.short === undefined ? '' : `-${option.short}, `
  const flag = `  ${short}${flagOf(option)}`
  const head = flag.length < COLUMN ? [`${flag.padEnd(COLUMN)}${first}`] : [flag, indent(first)]
  return [...head, ...rest.map(indent)].join('\n')
}

function indent(line: string): string {
  return ' '.repeat(COLUMN) + line
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
