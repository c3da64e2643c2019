/** The latest pulls, pushes and failures. */

import type { Entry } from '../history.ts'
import { type Markup, markup } from './markup.ts'
import { agoElement, count, size } from './words.ts'

export type LatestOptions = {
  /** Of the list, for what is opened and shut. */
  readonly id: string
  readonly title: string
  /** What is said where there is nothing to list. */
  readonly empty: string
  readonly entries: readonly Entry[]
  readonly now: number
}

type Column = {
  readonly title: string
  readonly className: string
  readonly cell: (entry: Entry) => Markup
}

const SHOWN = 8

/** Images that were pulled or pushed. */
export function latestImages(options: LatestOptions): Markup {
  return latest(options, [
    { title: 'Image', className: 'wide', cell: (entry) => lines(imageOf(entry), whoOf(entry)) },
    {
      title: 'Manifest',
      className: 'number roomy',
      cell: ({ bytes }) => markup`${size(bytes)}`,
    },
    whenColumn(options.now),
  ])
}

/** What was refused, or failed, and why. */
export function latestFailures(options: LatestOptions): Markup {
  return latest(options, [
    {
      title: 'Reason',
      className: 'wide',
      cell: (entry) => lines(markup`${entry.reason}`, askedOf(entry)),
    },
    { title: 'Status', className: 'number roomy', cell: ({ status }) => markup`${status}` },
    whenColumn(options.now),
  ])
}

function whenColumn(now: number): Column {
  return { title: 'When', className: 'number', cell: ({ at }) => agoElement(at, now) }
}

// Two tables, for a part of one can't be folded away.
function latest({ id, title, empty, entries }: LatestOptions, columns: readonly Column[]): Markup {
  const rest = entries.slice(SHOWN)
  const more =
    rest.length > 0
      ? markup`<details id="more-${id}"><summary id="show-${id}">${count(rest.length)} more</summary>${table(`${title}, continued`, rest, columns)}</details>`
      : undefined
  const list = entries.length > 0 ? table(title, entries.slice(0, SHOWN), columns) : undefined
  return markup`<section class="card latest ${id}"><h2>${title}</h2>
${list ?? markup`<p class="empty">${empty}</p>`}${more}
</section>`
}

function table(title: string, entries: readonly Entry[], columns: readonly Column[]): Markup {
  const heads = columns.map(
    (column) => markup`<th scope="col" class="${column.className}">${column.title}</th>`,
  )
  const rows = entries.map((entry) => {
    const cells = columns.map(
      (column) => markup`<td class="${column.className}">${column.cell(entry)}</td>`,
    )
    return markup`<tr>${cells}</tr>`
  })
  return markup`<table><caption class="unseen">${title}</caption><thead><tr>${heads}</tr></thead><tbody>
${rows}
</tbody></table>`
}

function lines(first: Markup, second: Markup): Markup {
  return markup`<span class="first">${first}</span><span class="second">${second}</span>`
}

function imageOf({ repository, reference = '', path }: Entry): Markup {
  if (repository === undefined) return markup`${path}`
  if (reference === '') return markup`${repository}`
  const [algorithm, hex] = reference.split(':')
  if (hex === undefined) return markup`${repository}<span class="tag">:${reference}</span>`
  return markup`${repository}<span class="tag" title="${reference}">@${algorithm}:${hex.slice(0, 12)}${hex.length > 12 ? '…' : ''}</span>`
}

function askedOf(entry: Entry): Markup {
  const status = markup`<span class="narrow">${entry.status} · </span>`
  return markup`${status}${entry.method} ${imageOf(entry)} · ${whoOf(entry)}`
}

function whoOf({ name, client, replica, times }: Entry): Markup {
  const parts = [
    name,
    ...(client ? [client] : []),
    ...(replica === undefined ? [] : [`from ${replica}`]),
    ...(times > 1 ? [`${count(times)} times`] : []),
  ]
  return markup`${parts.join(' · ')}`
}
