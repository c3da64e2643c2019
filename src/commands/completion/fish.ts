/** Completion for fish. */

import type { Command, Option } from '../command.ts'
import { takesPaths, valuesOf } from './choices.ts'

/** The script of fish. */
export function toFish(commands: readonly Command[]): string {
  const lines = commands.flatMap((command) => [
    `complete -c ecr-cname -n __fish_use_subcommand -a ${command.name} -d ${quote(command.summary)}`,
    ...toOperands(command),
    ...(command.options ?? []).map((option) => toFlag(command.name, option)),
  ])
  return `# fish completion of ecr-cname
complete -c ecr-cname -f
complete -c ecr-cname -l help -d 'tell more'
${lines.join('\n')}
`
}

function toOperands({ name, words = [], operands }: Command): string[] {
  const paths = takesPaths(operands)
  if (words.length === 0) return paths ? [`${within(name)} -F`] : []
  const seen = `__fish_seen_subcommand_from ${words.join(' ')}`
  return [
    `${within(name, `; and not ${seen}`)} -a ${quote(words.join(' '))}`,
    ...(paths ? [`${within(name, `; and ${seen}`)} -F`] : []),
  ]
}

function toFlag(command: string, option: Option): string {
  return `${within(command)} -l ${option.name} ${toTaking(option)}-d ${quote(option.summary)}`
}

function toTaking(option: Option): string {
  if (option.value === undefined) return ''
  const values = valuesOf(option)
  if (values === 'path') return '-r -F '
  return values === 'text' ? '-x ' : `-x -a ${quote(values.join(' '))} `
}

function within(command: string, more = ''): string {
  return `complete -c ecr-cname -n '__fish_seen_subcommand_from ${command}${more}'`
}

function quote(text: string): string {
  return `'${text.replaceAll(/['\\]/g, String.raw`\$&`)}'`
}
