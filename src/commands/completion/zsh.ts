/** Completion for zsh. */

import type { Command, Option } from '../command.ts'
import { takesPaths, valuesOf } from './choices.ts'

/** The script of zsh. */
export function toZsh(commands: readonly Command[]): string {
  return `#compdef ecr-cname

_ecr-cname() {
  local context state state_descr line
  typeset -A opt_args
  _arguments -C '1:command:->command' '*::argument:->argument' && return
  case $state in
  command)
    local -a commands=(
${commands.map(({ name, summary }) => `      ${quote(`${name}:${summary}`)}`).join('\n')}
    )
    _describe command commands
    ;;
  argument)
    case $words[1] in
${commands.map(toCommand).join('\n')}
    esac
    ;;
  esac
}

if [ "$funcstack[1]" = _ecr-cname ]; then
  _ecr-cname "$@"
else
  compdef _ecr-cname ecr-cname
fi
`
}

function toCommand(command: Command): string {
  const { name, options = [] } = command
  const parts = [...options.map(toFlag), "'--help[tell more]'", ...toOperands(command)]
  return `    ${name}) _arguments ${parts.join(' ')} ;;`
}

function toFlag(option: Option): string {
  const { name, value, multiple, summary } = option
  const text = summary.replaceAll(/[[\]\\:]/g, String.raw`\$&`)
  const taken =
    value === undefined ? '' : `:${value.replaceAll(':', String.raw`\:`)}:${toAction(option)}`
  return quote(`${multiple ? '*' : ''}--${name}[${text}]${taken}`)
}

function toAction(option: Option): string {
  const values = valuesOf(option)
  if (values === 'path') return '_files'
  return values === 'text' ? '' : `(${values.join(' ')})`
}

function toOperands({ words = [], operands }: Command): string[] {
  const first = words.length > 0 ? [quote(`1:word:(${words.join(' ')})`)] : []
  return takesPaths(operands) ? [...first, quote('*:file:_files')] : first
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}
