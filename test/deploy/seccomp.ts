/** The system calls of a unit of systemd, as an engine for containers takes them. */

import { execFileSync } from 'node:child_process'

import { readText } from './files.ts'

/** Lets everything through that the unit's SystemCallFilter does, and refuses all else with EPERM. */
export function seccompProfileOf(unit: string): object {
  const lines = [...readText(unit).matchAll(/^SystemCallFilter=(~?)(.+)$/gm)]
  const named = (mark: string) =>
    lines.filter(([, sign]) => sign === mark).flatMap(([, , names = '']) => names.split(' '))
  const refused = new Set(named('~').flatMap(callsOf))
  const names = named('')
    .flatMap(callsOf)
    .filter((name) => !refused.has(name))
  return { defaultAction: 'SCMP_ACT_ERRNO', syscalls: [{ names, action: 'SCMP_ACT_ALLOW' }] }
}

function callsOf(name: string): readonly string[] {
  if (!name.startsWith('@')) return [name]
  const said = execFileSync('systemd-analyze', ['syscall-filter', name], { encoding: 'utf8' })
  const members = said
    .split('\n')
    .slice(1)
    .map((line) => line.trim())
  return members.filter((member) => member !== '' && !member.startsWith('#')).flatMap(callsOf)
}
