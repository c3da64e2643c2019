/** Texts and values without what is secret in them: what was removed at one place is removed at all. */

/** Keys whose values are, or may be, as good as a password. */
const SECRET_KEY =
  /auth$|authorization|token|secret|passw|^key$|[-_]key|credentials?$|cookie|session|external_?id|^httpheaders$/i
/** Keys that only sound like that: names of helpers, paths, words. */
const PLAIN_KEY = /^(credsStore|credHelpers|credential-helpers|tlsKey|tlsCert|roleSessionName)$/
/** Variables; those that name a file are told. */
const SECRET_VARIABLE = /auth|token|secret|passw|key|credential/i
const PLAIN_VALUES = ['inject', 'passthrough', '']
const REMOVED = '[removed]'

export type Redaction = {
  /** A value of JSON, TOML or YAML. */
  readonly value: (value: unknown) => unknown
  /** An environment variable. */
  readonly variable: (name: string, value: string) => string
  /** Says that a text is secret, wherever it stands. */
  readonly learn: (secret: string) => void
  /** The last step: a whole text, with all that was learnt. */
  readonly text: (text: string) => string
}

export function createRedaction(): Redaction {
  const secrets = new Set<string>()
  const learn = (secret: string) => {
    // Shorter ones would blacken words.
    if (secret.length < 4) return
    secrets.add(secret)
    const [, password = ''] = /^[^:]+:(.{4,})$/s.exec(decode(secret)) ?? []
    if (password !== '') secrets.add(password)
  }
  const remove = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(remove)
    if (isRecord(value)) return mapValues(value, (_, inner) => remove(inner))
    const isText = typeof value === 'string' || typeof value === 'number'
    if (!isText || PLAIN_VALUES.includes(String(value))) return value
    learn(String(value))
    return REMOVED
  }
  const redact = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(redact)
    if (isRecord(value)) {
      return mapValues(value, (key, inner) =>
        SECRET_KEY.test(key) && !PLAIN_KEY.test(key) ? remove(inner) : redact(inner),
      )
    }
    return value
  }
  return {
    learn,
    value: redact,
    variable: (name, value) =>
      SECRET_VARIABLE.test(name) && !name.endsWith('_FILE') ? String(remove(value)) : value,
    text: (text) => {
      const longestFirst = [...secrets].sort((a, b) => b.length - a.length)
      const known = longestFirst.reduce((rest, secret) => {
        const quoted = JSON.stringify(secret).slice(1, -1)
        return rest.replaceAll(quoted, REMOVED).replaceAll(secret, REMOVED)
      }, text)
      return PATTERNS.reduce((rest, [pattern, put]) => rest.replaceAll(pattern, put), known)
    },
  }
}

/** What is secret by its look. */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----/g, REMOVED],
  // Signed URLs, and passwords in URLs.
  [/(https?:\/\/[^\s"?]+)\?[^\s"]*/gi, `$1?${REMOVED}`],
  [/(\w+:\/\/)[^\s"/@]+@/g, `$1${REMOVED}@`],
  [/\b(AKIA|ASIA)[A-Z0-9]{12,}/g, '$1…'],
  [/\b(Basic|Bearer) [\w+/=.-]{8,}/g, `$1 ${REMOVED}`],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, REMOVED],
  // Long runs of base64, as of tokens and keys: not what begins as a path, not digests in hex.
  [/(?<![\w+/=.-])(?=\S*\d)(?=\S*[a-z])(?=\S*[A-Z])[\w+][\w+/=-]{47,}/g, REMOVED],
]

function decode(base64: string): string {
  try {
    return atob(base64)
  } catch {
    return ''
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function mapValues(
  record: Readonly<Record<string, unknown>>,
  change: (key: string, value: unknown) => unknown,
): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(key, value)]))
}
