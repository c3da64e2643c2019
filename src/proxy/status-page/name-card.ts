/** What the page says of one name. */

import type { Minute } from '../history.ts'
import type { NameState } from '../state.ts'
import { chart } from './chart.ts'
import { type Concern, isFailing } from './concerns.ts'
import { type Markup, markup } from './markup.ts'
import { agoElement, count, duration, size, timeElement } from './words.ts'

export type CardOptions = {
  readonly state: NameState
  readonly minutes: readonly Minute[]
  /** Of this name alone. */
  readonly concerns: readonly Concern[]
  readonly startedAt: number
  readonly now: number
}

/** A name, the registry behind it, how that is, and its last hour. */
export function nameCard(options: CardOptions): Markup {
  const { state, minutes, concerns, startedAt, now } = options
  return markup`<section class="card name">
<header><div><h2>${state.name}</h2><p class="registry"><span class="to">to </span>${state.registry}</p></div>
${badge(concerns)}</header>
<dl class="facts">
${fact('Certificate', certificateOf(options))}
${fact('Token', tokenOf(options))}
${fact('Registry', upstreamOf(options))}
${fact('Replicas', replicasOf(options))}
</dl>
${charts(minutes, startedAt, now)}
</section>`
}

function charts(minutes: readonly Minute[], since: number, now: number): Markup {
  const common = { minutes, since, now }
  return markup`<div class="charts"><h3>The last 60 minutes, minute by minute</h3>
${chart({ ...common, title: 'Requests', format: count, valueOf: ({ requests }) => requests })}
${chart({ ...common, title: 'Errors', format: count, valueOf: ({ errors }) => errors, isBad: true })}
${chart({ ...common, title: 'To clients', format: size, valueOf: ({ bytesSent }) => bytesSent })}
${chart({ ...common, title: 'From clients', format: size, valueOf: ({ bytesReceived }) => bytesReceived })}
</div>`
}

function badge(concerns: readonly Concern[]): Markup {
  const [worst] = concerns
  if (!worst) return markup`<p class="badge ok">OK</p>`
  return markup`<p class="badge ${worst.level}">${worst.level === 'problem' ? 'Problem' : 'Warning'}</p>`
}

type Fact = {
  readonly level?: Concern['level'] | undefined
  readonly text: Markup
  readonly more?: Markup
}

function fact(title: string, { level, text, more }: Fact): Markup {
  const mark = level && markup`<span class="mark">${level === 'problem' ? '✕' : '!'}</span> `
  return markup`<div class="fact ${level ?? ''}"><dt>${title}</dt><dd><span class="words">${mark}${text}</span>${more}</dd></div>`
}

function certificateOf({ state: { certificate }, concerns, now }: CardOptions): Fact {
  if (!certificate) return { text: markup`<span class="none">none: plain HTTP</span>` }
  const { notBefore, notAfter } = certificate
  return {
    level: levelOf(concerns, 'certificate'),
    text: untilElement(notAfter, now),
    more: lifeBar(notBefore, notAfter, now),
  }
}

function tokenOf({ state: { injects, token }, concerns, now }: CardOptions): Fact {
  if (!injects) return { text: markup`<span class="none">clients send theirs</span>` }
  if (!token) return { level: levelOf(concerns, 'token'), text: markup`none` }
  const { mintedAt, expiresAt } = token
  return {
    level: levelOf(concerns, 'token'),
    text: untilElement(expiresAt, now),
    more: lifeBar(mintedAt, expiresAt, now),
  }
}

function upstreamOf({ state, concerns, now }: CardOptions): Fact {
  const { answeredAt, failedAt, error } = state.upstream
  if (isFailing(state)) {
    const why = error === undefined ? undefined : markup`<span class="reason">${error}</span>`
    const text = markup`failed ${agoElement(failedAt ?? now, now)}`
    return { level: levelOf(concerns, 'registry'), text, ...(why && { more: why }) }
  }
  if (answeredAt === undefined) return { text: markup`<span class="none">not asked yet</span>` }
  return { text: markup`answered ${agoElement(answeredAt, now)}` }
}

function replicasOf({ state: { replicas, replicaAnsweredAt }, now }: CardOptions): Fact {
  if (replicas.length === 0) return { text: markup`<span class="none">none</span>` }
  const text = markup`${replicas.map((host) => markup`<span class="host">${host}</span>`)}`
  if (replicaAnsweredAt === undefined) return { text }
  const answered = agoElement(replicaAnsweredAt, now)
  return { text, more: markup`<span class="reason">answered ${answered}</span>` }
}

function levelOf(concerns: readonly Concern[], wanted: Concern['about']) {
  return concerns.find(({ about }) => about === wanted)?.level
}

function untilElement(at: number, now: number): Markup {
  const left = at - now
  const words = left > 0 ? `expires in ${duration(left)}` : `expired ${duration(-left)} ago`
  return timeElement(at, words)
}

/** How much of a life is left, for the eye; the words say the same. */
function lifeBar(begin: number, end: number, now: number): Markup {
  const share = Math.min(1, Math.max(0, (end - now) / Math.max(1, end - begin)))
  return markup`<svg class="life" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true"><rect class="track" width="100" height="1"/><rect class="left" width="${Math.round(share * 100)}" height="1"/></svg>`
}
