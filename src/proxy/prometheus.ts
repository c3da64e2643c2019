/** Figures in the text format of Prometheus, version 0.0.4. */

import { type Figures, type Labels, METRICS, type Sample } from './metrics.ts'

/** Its Content-Type. */
export const PROMETHEUS = 'text/plain; version=0.0.4; charset=utf-8'

/** What the names of all series begin with. */
export const PREFIX = 'ecr_cname_'

/** The whole answer. https://prometheus.io/docs/instrumenting/exposition_formats/ */
export function toPrometheus(figures: Figures): string {
  const blocks = METRICS.map(({ name, type, help }) => {
    const full = `${PREFIX}${name}`
    const lines = (figures[name] ?? []).map((sample) => toLine(full, sample))
    return [`# HELP ${full} ${help}`, `# TYPE ${full} ${type}`, ...lines].join('\n')
  })
  return `${blocks.join('\n')}\n`
}

function toLine(name: string, { suffix, labels, value }: Sample): string {
  return `${name}${suffix ?? ''}${toText(labels)} ${value}`
}

function toText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`)
  return pairs.length > 0 ? `{${pairs.join(',')}}` : ''
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
