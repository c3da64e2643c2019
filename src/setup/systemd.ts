/** What systemd starts for a service, out of its unit and drop-in files: systemd.service(5). */

import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { contentOf } from './plan.ts'

export type Service = {
  /** The command as it stands there, variables and all. */
  readonly command: string
  readonly variables: ReadonlyMap<string, string>
  /** The files of variables, as they are named there; the later ones win. */
  readonly variableFiles: readonly string[]
}

// The first of a name counts: systemd.unit(5).
const FOLDERS = ['/etc', '/run', '/usr/local/lib', '/usr/lib', '/lib'].map(
  (folder) => `${folder}/systemd/system`,
)

/** The service of a name; undefined where there is no unit of it. */
export function readService(name: string, at: (path: string) => string): Service | undefined {
  const unit = FOLDERS.map((folder) => at(`${folder}/${name}`)).find((path) => existsSync(path))
  if (unit === undefined) return undefined
  const [commands, environments, files] = [new Reset(), new Reset(), new Reset()]
  for (const path of [unit, ...dropInsOf(name, at)]) {
    for (const [key, value] of assignmentsIn(textOf(path))) {
      if (key === 'ExecStart') commands.add(value)
      else if (key === 'Environment') environments.add(value)
      else if (key === 'EnvironmentFile') files.add(value.replace(/^-/, ''))
    }
  }
  const said = environments.values.flatMap(variablesIn)
  const read = files.values.flatMap((file) => [...assignmentsIn(textOf(at(file)))])
  return {
    command: commands.values.at(-1) ?? '',
    variables: new Map([...said, ...read.map(([key, value]) => [key, unquoted(value)] as const)]),
    variableFiles: files.values,
  }
}

/** The command with its variables in place, as the service sees it. */
export function expanded({ command, variables }: Service): string {
  return command.replaceAll(
    /\$(?:\{(\w+)\}|(\w+))/g,
    (_, braced?: string, bare?: string) => variables.get(braced ?? bare ?? '') ?? '',
  )
}

/** A value without the quotes around it. */
export function unquoted(value: string): string {
  return value.replace(/^(["'])(.*)\1$/, '$2')
}

// What is empty takes back all that was said before.
class Reset {
  values: readonly string[] = []
  add(value: string): void {
    this.values = value === '' ? [] : [...this.values, value]
  }
}

function dropInsOf(name: string, at: (path: string) => string): readonly string[] {
  const found = new Map<string, string>()
  for (const folder of FOLDERS.map((one) => at(`${one}/${name}.d`))) {
    const files = existsSync(folder) ? readdirSync(folder) : []
    for (const file of files.filter((one) => one.endsWith('.conf'))) {
      if (!found.has(file)) found.set(file, join(folder, file))
    }
  }
  return [...found.keys()].sort().map((file) => found.get(file)!)
}

function textOf(path: string): string {
  return contentOf(path)?.toString('utf8') ?? ''
}

function* assignmentsIn(text: string): Iterable<readonly [string, string]> {
  for (const line of text.replaceAll(/\\\r?\n/g, ' ').split(/\r?\n/)) {
    const [, key, value] = /^\s*(\w+)\s*=\s*(.*?)\s*$/.exec(line) ?? []
    if (key !== undefined && value !== undefined) yield [key, value]
  }
}

// Environment="A=one two" B=three
function variablesIn(value: string): readonly (readonly [string, string])[] {
  const words = [...value.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)]
  return words.flatMap(([, double, single, bare]) => {
    const [, key, text] = /^(\w+)=([\s\S]*)$/.exec(double ?? single ?? bare ?? '') ?? []
    return key === undefined ? [] : [[key, text ?? ''] as const]
  })
}
