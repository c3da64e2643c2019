/** What can follow on a command line. */

import type { Option } from '../command.ts'

/** What the value of a flag can be: one of some words, a path, or any text. */
export function valuesOf({ value = '', choices }: Option): readonly string[] | 'path' | 'text' {
  if (choices) return choices
  return /^(FILE|DIR|PATH)\b/.test(value) ? 'path' : 'text'
}

/** Whether the operands of a command are, or end in, paths. */
export function takesPaths(operands = ''): boolean {
  return /\b(FILE|DIR|PATH)\b/.test(operands)
}
