import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { METRICS, type Metric } from '../../src/proxy/metrics.ts'

type Rule = {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

const ALERTS = readFileSync('deploy/monitoring/alerts.yml', 'utf8')
const DASHBOARD = readFileSync('deploy/monitoring/grafana-dashboard.json', 'utf8')
const README = readFileSync('README.md', 'utf8')

const { groups } = parse(ALERTS) as {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[]
}
const rules = groups.flatMap((group) => group.rules)

type Panel = {
  readonly id: number
  readonly title: string
  readonly gridPos: {
    readonly x: number
    readonly y: number
    readonly w: number
    readonly h: number
  }
  readonly targets: readonly { readonly expr: string }[]
}
const dashboard = JSON.parse(DASHBOARD) as {
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly { readonly name: string }[] }
}

const metrics = new Map(METRICS.map((metric: Metric) => [`ecr_cname_${metric.name}`, metric]))

/** What is wrong with the series that an expression uses. */
function flawsOf(expr: string): readonly string[] {
  const uses = [
    ...expr.matchAll(/\b(ecr_cname_\w+?)(_bucket|_sum|_count)?(?![\w])(?:\{([^}]*)\})?/g),
  ]
  const brackets = expr.replaceAll(/"[^"]*"/g, '').replaceAll(/[^(){}[\]]/g, '')
  const flaws = uses.flatMap(([, name = '', suffix, selector = '']) => {
    const metric = metrics.get(name)
    if (!metric) return [`${name} is no series`]
    if ((metric.type === 'histogram') !== (suffix !== undefined)) return [`${name}${suffix ?? ''}`]
    const labels = [...metric.labels, 'instance', 'job', 'le']
    return [...selector.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)]
      .filter(([, label = '']) => !labels.includes(label))
      .map(([, label]) => `${name} has no label ${label}`)
  })
  return [
    ...flaws,
    ...(isBalanced(brackets) ? [] : ['brackets']),
    ...(uses.length > 0 ? [] : ['none']),
  ]
}

function isBalanced(brackets: string): boolean {
  const less = brackets.replaceAll(/\(\)|\[\]|\{\}/g, '')
  return less === '' || (less.length < brackets.length && isBalanced(less))
}

describe('the alert rules', () => {
  it.each(rules.map((rule) => [rule.alert, rule] as const))(
    '%s uses what /metrics has, and tells a person what it is about',
    (name, { expr, labels, annotations, for: holds = '1m' }) => {
      expect(name).toMatch(/^EcrCname[A-Za-z]+$/)
      expect(flawsOf(expr)).toEqual([])
      expect(holds).toMatch(/^\d+[smh]$/)
      expect(labels['severity']).toMatch(/^(warning|critical)$/)
      expect(Object.keys(annotations)).toEqual(['summary', 'description'])
    },
  )

  it('have names of their own', () => {
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length)
    expect(rules.length).toBeGreaterThan(8)
  })
})

describe('the dashboard', () => {
  it.each(dashboard.panels.map((panel) => [panel.title, panel] as const))(
    'asks in %j for what /metrics has',
    (_, { targets }) => {
      expect(targets.length).toBeGreaterThan(0)
      expect(targets.map(({ expr }) => flawsOf(expr))).toEqual(targets.map(() => []))
    },
  )

  it('shows every series there is', () => {
    const shown = [...metrics.keys()].filter((name) => !DASHBOARD.includes(name))
    expect(shown).toEqual([])
  })

  it('has no panel over another, and an id for each', () => {
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from(
        { length: w * h },
        (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`,
      ),
    )
    expect(new Set(cells).size).toBe(cells.length)
    expect(dashboard.panels.every(({ gridPos: { x, w } }) => x + w <= 24)).toBe(true)
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length)
  })

  it('uses no variable but its own and Grafana’s', () => {
    const own = dashboard.templating.list.map(({ name }) => name)
    const used = [...DASHBOARD.matchAll(/\$\{?(\w+)/g)].map(([, name = '']) => name)
    expect(used.filter((name) => !name.startsWith('__') && !own.includes(name))).toEqual([])
  })
})

describe('the README', () => {
  it('has every series, with its labels and what it tells', () => {
    for (const { name, labels, type, help } of metrics.values() as Iterable<Metric>) {
      const row = README.split('\n').find((line) => line.includes(`\`ecr_cname_${name}\``)) ?? ''
      const cells = row.split('|').map((cell) => cell.trim())
      const named = labels.map((label) => `\`${label}\``).join(', ')
      expect(cells).toEqual(['', `\`ecr_cname_${name}\``, type, named, help, ''])
    }
  })
})
