/** Reads Prometheus' text format, and takes nothing that the format does not allow. */

export type Series = {
  readonly type: string
  readonly help: string
  readonly samples: readonly Scraped[]
}

export type Scraped = {
  /** With its suffix. */
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const SAMPLE = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/
const LABELS = /([a-z_]+)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y

/** All of an answer, by the name that HELP and TYPE stand for. */
export function parseExposition(text: string): ReadonlyMap<string, Series> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end')
  const all = new Map<string, { type: string; help: string; samples: Scraped[] }>()
  let current = ''
  for (const line of text.slice(0, -1).split('\n')) {
    const [, word, name = '', rest = ''] = /^# (HELP|TYPE) ([a-z_]+) (.+)$/.exec(line) ?? []
    if (word === 'HELP') {
      if (all.has(name)) throw new Error(`${name} is there twice`)
      all.set(name, { type: '', help: rest, samples: [] })
      current = name
    } else if (word === 'TYPE') {
      const series = all.get(name)
      if (name !== current || !series || series.type !== '') throw new Error(`TYPE of ${name}`)
      series.type = rest
    } else {
      all.get(current)?.samples.push(parseSample(line, current, all.get(current)?.type))
    }
  }
  return all
}

function parseSample(line: string, name: string, type = ''): Scraped {
  const [, full = '', text = '', value = ''] = SAMPLE.exec(line) ?? []
  const suffixes = type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']
  if (!suffixes.includes(full.slice(name.length)) || !full.startsWith(name)) {
    throw new Error(`no sample of ${name}: ${line}`)
  }
  if (!/^(\d+(\.\d+)?(e[+-]\d+)?|\+Inf|NaN)$/.test(value)) throw new Error(`no number: ${line}`)
  return { name: full, labels: parseLabels(text, line), value: Number(value) }
}

function parseLabels(text: string, line: string): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {}
  LABELS.lastIndex = 0
  while (LABELS.lastIndex < text.length) {
    const [, name = '', value = ''] = LABELS.exec(text) ?? []
    if (name === '' || name in labels) throw new Error(`labels: ${line}`)
    labels[name] = value.replaceAll(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char))
  }
  return labels
}

/** The value of one series. */
export function valueOf(
  all: ReadonlyMap<string, Series>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const series = all.get(name) ?? all.get(name.replace(/_(bucket|sum|count)$/, ''))
  const found = series?.samples.filter(
    (sample) =>
      sample.name === name &&
      Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  )
  return found && found.length > 0 ? found.reduce((sum, { value }) => sum + value, 0) : undefined
}
