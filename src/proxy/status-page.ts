/** The page that shows people how the sidecar is. */

import { createHash } from 'node:crypto'
import type { History } from './history.ts'
import type { State } from './state.ts'
import { type Concern, concernsOf, minutesOf } from './status-page/concerns.ts'
import { latestFailures, latestImages } from './status-page/latest.ts'
import { type Markup, markup, trusted } from './status-page/markup.ts'
import { nameCard } from './status-page/name-card.ts'
import { SCRIPT } from './status-page/script.ts'
import { STYLE } from './status-page/style.ts'
import { counted, duration, timeElement } from './status-page/words.ts'

/** All that the page shows. */
export type Shown = {
  readonly state: State
  readonly history: History
  readonly version: string
  /** Milliseconds since 1970. */
  readonly now: number
}

/** The page as one document, which asks no other host for anything. */
export function statusPage(shown: Shown): string {
  const { state, history, version, now } = shown
  const concerns = concernsOf(state, history, now)
  const health = healthOf(concerns)
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${health.words} · ecr-cname</title>
<link rel="icon" href="${iconOf(health.level)}">
<style>${trusted(STYLE)}</style>
<noscript><meta http-equiv="refresh" content="30"></noscript>
</head>
<body>
<div class="bar"><span><strong>ecr-cname</strong>${version}</span>
<label hidden><input type="checkbox" id="live" checked> Refresh every 10 s</label></div>
<p class="stale" id="stale" role="status" hidden>The sidecar does not answer; this is how it was when it last did.</p>
<main>
${headOf(shown, health)}
${concernList(concerns)}
${state.names.map((one) =>
  nameCard({
    state: one,
    minutes: minutesOf(history, one.name),
    concerns: concerns.filter(({ name }) => name === one.name),
    startedAt: state.startedAt,
    now,
  }),
)}
${otherNote(history)}
<div class="lists">
${latestImages({ id: 'pulls', title: 'Latest pulls', empty: 'No image has been pulled yet.', entries: history.pulls, now })}
${latestImages({ id: 'pushes', title: 'Latest pushes', empty: 'No image has been pushed yet.', entries: history.pushes, now })}
${latestFailures({ id: 'failures', title: 'Refused and failed', empty: 'Nothing has been refused, and nothing has failed.', entries: history.failures, now })}
</div>
</main>
<script>${trusted(SCRIPT)}</script>
</body>
</html>
`.html
}

const POLICY = [
  "default-src 'none'",
  `style-src '${hashOf(STYLE)}'`,
  `script-src '${hashOf(SCRIPT)}'`,
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
]

/** What browsers are to hold the page to. */
export const PAGE_FIELDS = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': POLICY.join('; '),
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}

type Level = 'ok' | Concern['level']
type Health = { readonly level: Level; readonly words: string }

const SIGNS = { ok: '✓', warning: '!', problem: '✕' } as const

function healthOf(concerns: readonly Concern[]): Health {
  const problems = concerns.filter(({ level }) => level === 'problem').length
  const warnings = concerns.length - problems
  const words = [
    ...(problems > 0 ? [counted(problems, 'problem')] : []),
    ...(warnings > 0 ? [counted(warnings, 'warning')] : []),
  ]
  const level = concerns[0]?.level ?? 'ok'
  return { level, words: words.length > 0 ? words.join(', ') : 'All is well' }
}

function headOf({ state, now }: Shown, { level, words }: Health): Markup {
  const { names, workers, startedAt } = state
  const facts = [
    `Serving ${counted(names.length, 'name')}`,
    ...(workers > 1 ? [`with ${counted(workers, 'worker')}`] : []),
    `for ${duration(now - startedAt)}`,
  ]
  const clock = `${new Date(now).toISOString().slice(11, 19)} UTC`
  return markup`<div class="health"><span class="sign ${level}" aria-hidden="true">${SIGNS[level]}</span>
<div><h1>${words}</h1><p>${facts.join(' ')} · as of ${timeElement(now, clock)}</p></div></div>`
}

function concernList(concerns: readonly Concern[]): Markup | undefined {
  if (concerns.length === 0) return undefined
  const items = concerns.map(
    ({ level, name, text }) =>
      markup`<li class="${level}"><span class="level">${level === 'problem' ? 'Problem:' : 'Warning:'}</span> <b>${name}</b>: ${text}</li>`,
  )
  return markup`<ul class="concerns">${items}</ul>`
}

function otherNote({ other }: History): Markup | undefined {
  const requests = other.reduce((sum, minute) => sum + minute.requests, 0)
  if (requests === 0) return undefined
  const asked = counted(requests, 'request')
  return markup`<p class="note">In the last hour ${asked} named a host that is not served here.</p>`
}

const ICON_COLOURS = { ok: '#2a9d63', warning: '#e0a100', problem: '#d93a30' } as const

function iconOf(level: Level): string {
  const circle = `<circle cx="8" cy="8" r="7" fill="${ICON_COLOURS[level]}"/>`
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">${circle}</svg>`
  return `data:image/svg+xml,${encodeURIComponent(svg)}`
}
