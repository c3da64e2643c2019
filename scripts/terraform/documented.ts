/** The inputs and outputs of a module, as its files say them and as the README lists them. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Rows of the README's tables: what a module takes, and what it gives. */
export function documented(name: string): {
  readonly inputs: string[]
  readonly outputs: string[]
} {
  const inputs = blocksOf(name, 'variables.tf', 'variable').map(([title, body]) => {
    const isRequired = !/^ {2}default /m.test(body)
    return row([`\`${title}\``, isRequired ? 'yes' : '', described(body)])
  })
  const outputs = blocksOf(name, 'outputs.tf', 'output').map(([title, body]) =>
    row([`\`${title}\``, described(body)]),
  )
  return { inputs, outputs }
}

// `fmt` has put blocks in this shape.
function blocksOf(name: string, file: string, kind: string): (readonly [string, string])[] {
  const text = readFileSync(join('deploy/terraform', name, file), 'utf8')
  const blocks = text.matchAll(new RegExp(`^${kind} "(\\w+)" {\n(.*?)^}$`, 'gms'))
  return [...blocks].map(([, title = '', body = '']) => [title, body] as const)
}

function described(body: string): string {
  return JSON.parse(/^ {2}description = (".*")$/m.exec(body)?.[1] ?? '""') as string
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('*', '\\*').replaceAll('|', '\\|')).join(' | ')} |`
}
