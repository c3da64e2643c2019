/** The files of `deploy/`, as they are read by those whom they are for. */

import { globSync, readFileSync, statSync } from 'node:fs'
import { parseAllDocuments } from 'yaml'

export type Manifest = {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
  }
}

/** The files that match, by their paths from the top folder. */
export function filesOf(pattern: string): readonly string[] {
  const paths = globSync(`deploy/${pattern}`).map(String).sort()
  return paths.filter((path) => statSync(path).isFile())
}

export function readText(file: string): string {
  return readFileSync(file, 'utf8')
}

/** The manifests of a file for Kubernetes. */
export function readManifests(file: string): readonly Manifest[] {
  return readYaml(file) as readonly Manifest[]
}

/** A file that is all JSON. */
export function readJson(file: string): unknown {
  return JSON.parse(readText(file))
}

/** All documents of a YAML file; what is wrong in it throws, warnings too. */
export function readYaml(file: string): readonly unknown[] {
  return parseAllDocuments(readText(file)).map((document) => {
    const [problem] = [...document.errors, ...document.warnings]
    if (problem) throw new Error(`${file}: ${problem.message}`)
    return document.toJS() as unknown
  })
}
