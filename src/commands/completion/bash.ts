/** Completion for bash, without the bash-completion package. */

import type { Command, Option } from '../command.ts'
import { takesPaths, valuesOf } from './choices.ts'

/** The script of bash. */
export function toBash(commands: readonly Command[]): string {
  return `# bash completion of ecr-cname
_ecr_cname() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]}
  local words='' paths=''
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    words='${commands.map(({ name }) => name).join(' ')} --help --version'
  else
    case "\${COMP_WORDS[1]} $before" in
${commands.flatMap(toValues).join('\n')}
    *)
      case "\${COMP_WORDS[1]}" in
${commands.map(toCommand).join('\n')}
      esac
      ;;
    esac
  fi
  if [ -n "$words" ]; then mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word"); fi
  if [ -n "$paths" ]; then
    compopt -o filenames 2>/dev/null
    local path
    while IFS= read -r path; do COMPREPLY+=("$path"); done < <(compgen -f -- "$word")
  fi
}
complete -F _ecr_cname ecr-cname
`
}

function toValues({ name, options = [] }: Command): string[] {
  const taking = options.filter(({ value }) => value !== undefined)
  return taking.map((option) => `    '${name} --${option.name}') ${toSetting(option)} ;;`)
}

function toSetting(option: Option): string {
  const values = valuesOf(option)
  if (values === 'path') return 'paths=1'
  return values === 'text' ? ':' : `words='${values.join(' ')}'`
}

function toCommand({ name, options = [], words = [], operands }: Command): string {
  const flags = [...options, { name: 'help' }].map((option) => `--${option.name}`)
  const first =
    words.length > 0 ? `elif ((COMP_CWORD == 2)); then words='${words.join(' ')}'; ` : ''
  const other = takesPaths(operands) ? 'paths=1' : ':'
  return `      ${name}) if [[ $word == -* ]]; then words='${flags.join(' ')}'; ${first}else ${other}; fi ;;`
}
