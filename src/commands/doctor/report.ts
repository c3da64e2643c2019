/** The findings, for people and for programs. */

import type { Finding, Link, State } from '../../doctor/finding.ts'
import type { World } from '../command.ts'
import { paintFor } from '../text.ts'

const TITLES: Readonly<Record<Link, string>> = {
  program: 'Helper',
  configuration: 'Configuration',
  store: 'Store',
  docker: 'docker',
  podman: 'podman, buildah, skopeo',
  containerd: 'containerd',
  kubelet: 'kubelet',
  services: 'Services that start helpers',
  mapping: 'Mapping',
  identity: 'AWS identity',
  clock: 'Clock',
  token: 'Token',
  permissions: 'Permissions',
  registry: 'Registry',
  name: 'Name and certificate',
  trust: 'Trust',
  sidecar: 'Sidecar',
}

/** Never colour or sign alone: the word is there too. */
const SIGNS: Readonly<Record<State, readonly [sign: string, ascii: string]>> = {
  ok: ['✓', '+'],
  warning: ['!', '!'],
  broken: ['✗', 'x'],
  skipped: ['·', '-'],
}
const COLOURS = { ok: 'green', warning: 'yellow', broken: 'red', skipped: 'dim' } as const

type Terminal = Pick<World, 'env' | 'stdoutIsTerminal'>

/** All of them by link, and a line that sums them up. */
export function toText(findings: readonly Finding[], terminal: Terminal): string {
  const { bold, dim } = paintFor(terminal)
  const seen = findings.filter(({ state }) => state !== 'skipped')
  const links = [...new Set(seen.map(({ link }) => link))]
  const sections = links.map((link) => {
    const own = seen.filter((finding) => finding.link === link)
    return `${bold(TITLES[link])}\n${own.map((one) => toLines(one, terminal)).join('')}`
  })
  const safe = findings.filter(({ fix }) => fix?.mend).length
  const hint = safe > 0 ? `${safe} of them can be mended by: ecr-cname doctor --fix\n` : ''
  const parts = [...sections, ...skippedText(findings, terminal)]
  return `${parts.join('\n')}\n${summaryText(findings)}\n${dim(hint)}`
}

// Where one link is broken, many after it have the same reason.
function skippedText(findings: readonly Finding[], terminal: Terminal): readonly string[] {
  const { bold, dim } = paintFor(terminal)
  const skipped = findings.filter(({ state }) => state === 'skipped')
  const hosts = new Map<string, string[]>()
  for (const { host = '', what } of skipped) {
    const same = skipped.filter((one) => (one.host ?? '') === host && one.what === what)
    const text = `${same.map(({ link }) => TITLES[link]).join(', ')}: ${what}`
    hosts.set(text, [...new Set([...(hosts.get(text) ?? []), host])])
  }
  const lines = [...hosts].map(([text, own]) => {
    const whose = own.join('') === '' ? '' : ` (${own.join(', ')})`
    return `  ${dim(`${signOf('skipped', terminal)} ${text}${whose}`)}\n`
  })
  return lines.length > 0 ? [`${bold('Not looked at')}\n${lines.join('')}`] : []
}

function toLines(finding: Finding, terminal: Terminal): string {
  const { state, host, what, why, fix } = finding
  const paint = paintFor(terminal)
  const mark = paint[COLOURS[state]](`${signOf(state, terminal)} ${state.padEnd(7)}`)
  const line = `  ${mark}  ${host === undefined ? '' : `${host}: `}${what}\n`
  if (!fix) return line
  const paste = fix.paste?.split('\n') ?? []
  return [
    line,
    `             ${paint.dim('why')}  ${why ?? ''}\n`,
    `             ${paint.dim('fix')}  ${fix.command}\n`,
    ...paste.map((text) => `                  ${text}\n`),
  ].join('')
}

function signOf(state: State, { env }: Terminal): string {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || ''
  const isUnicode = env['TERM'] !== 'dumb' && /utf-?8/i.test(locale)
  return SIGNS[state][isUnicode ? 0 : 1]
}

function summaryText(findings: readonly Finding[]): string {
  const { broken, warning, ok, skipped } = countOf(findings)
  const warnings = warning === 1 ? '1 warning' : `${warning} warnings`
  return `${broken} broken, ${warnings}, ${ok} in order, ${skipped} not looked at`
}

function countOf(findings: readonly Finding[]): Readonly<Record<State, number>> {
  const of = (state: State) => findings.filter((finding) => finding.state === state).length
  return { broken: of('broken'), warning: of('warning'), ok: of('ok'), skipped: of('skipped') }
}

/** As programs read them. */
export function toFacts(findings: readonly Finding[]) {
  return {
    summary: countOf(findings),
    findings: findings.map(({ fix, ...finding }) => ({
      ...finding,
      ...(fix && {
        fix: {
          command: fix.command,
          ...(fix.paste !== undefined && { paste: fix.paste }),
          safe: fix.mend !== undefined,
        },
      }),
    })),
  }
}
