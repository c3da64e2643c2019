/** Completion for PowerShell. */

import type { Command, Option } from '../command.ts'
import { valuesOf } from './choices.ts'

/** The script of PowerShell; paths are what it completes by itself. */
export function toPowershell(commands: readonly Command[]): string {
  return `# PowerShell completion of ecr-cname
Register-ArgumentCompleter -Native -CommandName ecr-cname -ScriptBlock {
  param($word, $ast, $position)
  $commands = @{
${commands.map(toCommand).join('\n')}
  }
  $values = @{
${commands.flatMap(toValues).join('\n')}
  }
  $given = @($ast.CommandElements | ForEach-Object { $_.ToString() })
  if ($word -ne '' -and $given.Count -gt 1) { $given = @($given[0..($given.Count - 2)]) }
  if ($given.Count -le 1) { $found = @($commands.Keys | Sort-Object) + '--help' + '--version' }
  else {
    $key = $given[1] + ' ' + $given[-1]
    if ($values.ContainsKey($key)) { $found = $values[$key] }
    else { $found = $commands[$given[1]] }
  }
  $found | Where-Object { $_ -like "$word*" } | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
  }
}
`
}

function toCommand({ name, options = [], words = [] }: Command): string {
  const flags = [...options, { name: 'help' }].map((option) => `--${option.name}`)
  return `    '${name}' = ${toList([...words, ...flags])}`
}

function toValues({ name, options = [] }: Command): string[] {
  return options.flatMap((option: Option) => {
    const values = valuesOf(option)
    return Array.isArray(values) ? [`    '${name} --${option.name}' = ${toList(values)}`] : []
  })
}

function toList(words: readonly string[]): string {
  return `@(${words.map((word) => `'${word.replaceAll("'", "''")}'`).join(', ')})`
}
