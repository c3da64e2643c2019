/** Programs that run now, as /proc tells of them; of their environment only what is asked for. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Environment } from '../front/places.ts'
import { at, type Scene } from './scene.ts'

export type Running = {
  readonly pid: string
  readonly name: string
  readonly args: readonly string[]
  /** Undefined where this user may not read it. */
  readonly env: Environment | undefined
}

/** What decides where a program finds our helper and its configuration; none of it is secret. */
const ASKED = /^(PATH|HOME|USERPROFILE|XDG_(CONFIG|CACHE)_HOME|ECR_CNAME_(CONFIG|MAP|HOME))$/

/** The first process of each of some programs. */
export function runningOf(names: readonly string[], scene: Pick<Scene, 'root'>): Running[] {
  const folder = at(scene, '/proc')
  const all = list(folder).flatMap((pid) => {
    const name = read(join(folder, pid, 'comm'))?.trim() ?? ''
    return names.includes(name) ? [{ pid, name }] : []
  })
  const first = all.filter(({ name }, index) => all.findIndex((one) => one.name === name) === index)
  return first.map(({ pid, name }) => {
    const args = (read(join(folder, pid, 'cmdline')) ?? '').split('\0').filter(Boolean)
    return { pid, name, args, env: environmentOf(read(join(folder, pid, 'environ'))) }
  })
}

function environmentOf(text: string | undefined): Environment | undefined {
  if (text === undefined) return undefined
  const pairs = text.split('\0').map((pair) => /^([^=]+)=(.*)$/s.exec(pair) ?? [])
  return Object.fromEntries(
    pairs.flatMap(([, name = '', value]) => (ASKED.test(name) ? [[name, value]] : [])),
  )
}

function list(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => /^\d+$/.test(name))
  } catch {
    return []
  }
}

// A process may end, or be another user's.
function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
