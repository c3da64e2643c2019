/** Labels of images that were seen, by digest: in memory, and in the store for other processes. */

import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { type Environment, storeFolder } from '../front/places.ts'
import { privateFolder, replaceFile } from './files.ts'

export type Labels = Readonly<Record<string, unknown>>

// A push looks its labels up within seconds; what is gone is asked of the registry.
const MOST_KEPT = 512
const MOST_BYTES = 64 * 1024

/** Keeps the labels seen last. Where the store can't be written, this process alone knows them. */
export function openLabels(env: Environment) {
  const folder = `${storeFolder(env)}/labels`
  const known = new Map<string, Labels>()
  const remember = (digest: string, labels: Labels) => {
    known.delete(digest)
    known.set(digest, labels)
    const [oldest] = known.keys()
    if (known.size > MOST_KEPT && oldest !== undefined) known.delete(oldest)
  }
  return {
    find(digest: string): Labels | undefined {
      return known.get(digest) ?? read(fileOf(folder, digest))
    },
    keep(digest: string, labels: Labels): void {
      const text = JSON.stringify(labels)
      if (text.length > MOST_BYTES) return
      remember(digest, labels)
      try {
        privateFolder(storeFolder(env))
        privateFolder(folder)
        replaceFile(fileOf(folder, digest), text)
        sweep(folder)
      } catch {
        // Then the others ask the registry.
      }
    },
  }
}

function fileOf(folder: string, digest: string): string {
  return `${folder}/${digest.replace(':', '-')}.json`
}

function read(file: string): Labels | undefined {
  try {
    const labels: unknown = JSON.parse(readFileSync(file, 'utf8'))
    return typeof labels === 'object' && labels !== null ? (labels as Labels) : undefined
  } catch {
    return undefined
  }
}

function sweep(folder: string): void {
  const names = readdirSync(folder)
  if (names.length <= MOST_KEPT) return
  const files = names.map((name) => {
    const file = `${folder}/${name}`
    return { file, time: statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0 }
  })
  const surplus = files.sort((a, b) => b.time - a.time).slice(MOST_KEPT / 2)
  surplus.forEach(({ file }) => rmSync(file, { force: true }))
}
