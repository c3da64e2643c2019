/** A small chart of the last hour, one bar a minute. */

import { HOUR_MS, type Minute, MINUTE_MS } from '../history.ts'
import { type Markup, markup } from './markup.ts'
import { timeOfDay } from './words.ts'

export type ChartOptions = {
  readonly title: string
  readonly minutes: readonly Minute[]
  readonly valueOf: (minute: Minute) => number
  readonly format: (value: number) => string
  /** When counting began; nothing is known of the time before. */
  readonly since: number
  readonly now: number
  /** Whether a bar is bad news. */
  readonly isBad?: boolean
}

const BARS = HOUR_MS / MINUTE_MS
const STEP = 4
const GAP = 1
const WIDTH = BARS * STEP - GAP
const HEIGHT = 40

/** The chart with its sum, its least and its most. */
export function chart(options: ChartOptions): Markup {
  const { title, format, isBad } = options
  const { values, first, begin } = valuesOf(options)
  const known = values.slice(first)
  const sum = known.reduce((total, value) => total + value, 0)
  const most = Math.max(...known)
  const least = format(Math.min(...known))
  const peak = timeOfDay(begin + values.indexOf(most) * MINUTE_MS)
  const spread = `${least} to ${format(most)} a minute, most at ${peak} UTC`
  const label = `${title} in the last hour: ${most > 0 ? `${format(sum)}, ${spread}` : 'none'}`
  const range = markup`<span>min ${least}</span> <span>max ${format(most)}</span>`
  return markup`<figure class="chart${isBad && sum > 0 ? ' bad' : ''}">
<figcaption>${title} <strong>${format(sum)}</strong></figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${label}">
<path class="bars" d="${barsPath(values, most)}"/>
<path class="base unknown" d="M0 ${HEIGHT - 0.5}H${first * STEP}"/>
<path class="base" d="M${first * STEP} ${HEIGHT - 0.5}H${WIDTH}"/>
</svg>
<p class="range" aria-hidden="true">${most > 0 ? range : undefined}</p>
</figure>`
}

function valuesOf({ minutes, valueOf, since, now }: ChartOptions) {
  const begin = now - (now % MINUTE_MS) - (BARS - 1) * MINUTE_MS
  const values = Array.from({ length: BARS }, () => 0)
  for (const minute of minutes) {
    const index = (minute.at - begin) / MINUTE_MS
    if (index in values) values[index] = valueOf(minute)
  }
  const elapsed = Math.floor((since - begin) / MINUTE_MS)
  return { values, begin, first: Math.min(BARS - 1, Math.max(0, elapsed)) }
}

// What is above nothing shows, however little it is.
function barsPath(values: readonly number[], most: number): string {
  return values
    .map((value, index) => {
      if (value === 0) return ''
      const height = Math.max(2, Math.round((value / most) * (HEIGHT - 2)))
      return `M${index * STEP} ${HEIGHT}v-${height}h${STEP - GAP}v${height}z`
    })
    .join('')
}
