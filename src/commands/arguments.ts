/** Flags and operands of a command, read as its options say. */

import { parseArgs } from 'node:util'
import { UserError } from '../domain/errors.ts'
import type { Command, Option } from './command.ts'

/** What was given for each option: a text, texts where it is repeatable, true for a switch. */
export type Flags<O extends readonly Option[]> = {
  readonly [One in O[number] as One['name']]?: One extends { readonly multiple: true }
    ? readonly string[]
    : One extends { readonly value: string }
      ? string
      : boolean
}

/** Reads them; what no option says throws a UserError. */
export function readArguments<const O extends readonly Option[]>(
  command: Pick<Command, 'name'> & { readonly options: O },
  args: readonly string[],
): { readonly flags: Flags<O>; readonly operands: readonly string[] } {
  const { name, options } = command
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: Object.fromEntries(options.map((option) => [option.name, toParsed(option)])),
      allowPositionals: true,
    })
    options.forEach((option) => requireValue(option, values[option.name]))
    return { flags: values as Flags<O>, operands: positionals }
  } catch (error) {
    if (error instanceof UserError) throw error
    const text = `${name}: ${reasonIn(error as Error)}; see ecr-cname ${name} --help`
    throw new UserError('USAGE', text, { cause: error })
  }
}

// The first sentence; the others are about operands that begin with a dash.
function reasonIn({ message }: Error): string {
  return message.replace(/\.(?:\s.*)?$/s, '')
}

function toParsed({ value, multiple, short }: Option) {
  return {
    ...(short !== undefined && { short }),
    type: value === undefined ? 'boolean' : 'string',
    multiple: multiple === true,
  } as const
}

// One that is empty is that of a variable which was not set.
function requireValue({ name, value, choices }: Option, given: unknown): void {
  if (value === undefined || given === undefined) return
  for (const text of [given].flat()) {
    if (choices ? choices.includes(text as string) : text !== '') continue
    const expected = choices ? choices.join(' or ') : value
    throw new UserError('USAGE', `--${name}: expected ${expected}, got ${JSON.stringify(text)}`)
  }
}
