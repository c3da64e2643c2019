/** Figures of several processes, as one. */

import { type Figures, type Metric, type MetricName, METRICS, type Sample } from './metrics.ts'

/** What several processes have together: those that live, and those that have ended by now. */
export function mergeFigures(living: readonly Figures[], ended: readonly Figures[] = []): Figures {
  return Object.fromEntries(
    METRICS.map((metric: Metric) => {
      const name = metric.name as MetricName
      const all = metric.type === 'gauge' ? living : [...living, ...ended]
      const samples = all.flatMap((figures) => figures[name] ?? [])
      return [name, mergeSamples(samples, metric)] as const
    }).filter(([, samples]) => samples.length > 0),
  )
}

function mergeSamples(samples: readonly Sample[], { together }: Metric): readonly Sample[] {
  const merged = new Map<string, Sample>()
  for (const sample of samples) {
    const key = JSON.stringify([sample.suffix, sample.labels])
    const value = merged.get(key)?.value
    const both = together === 'max' ? Math.max : (one: number, other: number) => one + other
    merged.set(key, value === undefined ? sample : { ...sample, value: both(value, sample.value) })
  }
  return [...merged.values()]
}
