/** Sizes and times as people read and write them. */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const

/** A size in three digits, such as `48.1 MB`. */
export function formatSize(bytes: number): string {
  let value = Math.max(0, bytes)
  let unit = 0
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000
    unit += 1
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2
  return `${value.toFixed(digits)} ${UNITS[unit]}`
}

/** Reads a size such as `40GB`, `512 MiB` or a number of bytes. */
export function parseSize(text: string): number | undefined {
  const [, number, prefix = '', binary] =
    /^\s*(\d+(?:\.\d+)?)\s*(?:([kmgt])(i)?)?b?\s*$/i.exec(text) ?? []
  if (number === undefined) return undefined
  const power = ' kmgt'.indexOf(prefix.toLowerCase() || ' ')
  return Math.round(Number(number) * (binary ? 1024 : 1000) ** power)
}

/** Some seconds, such as `2m 05s`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  if (whole < 60) return `${whole}s`
  const [minutes, rest] = [Math.floor(whole / 60), whole % 60]
  if (minutes < 60) return `${minutes}m ${String(rest).padStart(2, '0')}s`
  return `${Math.floor(minutes / 60)}h ${String(minutes % 60).padStart(2, '0')}m`
}
