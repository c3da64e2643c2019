/** What is heard of registries: when each last answered, and when and why one last did not. */

import { Writable } from 'node:stream'
import type { Mapping } from '../domain/mapping.ts'
import { parseRegistry } from '../domain/registry.ts'
import type { UpstreamState } from './state.ts'
import type { Upstream } from './upstream.ts'

/** Why a registry gave no answer, in one word. */
export type Trouble =
  'dns' | 'refused' | 'unreachable' | 'timeout' | 'tls' | 'reset' | 'protocol' | 'other'

export type NewsOptions = {
  readonly upstream: Upstream
  readonly now: () => number
  /** Told of each failure; of buckets, all are one. */
  readonly failed: (host: string, trouble: Trouble) => void
}

export type News = {
  /** The same, listened in on. */
  readonly upstream: Upstream
  readonly of: (host: string) => UpstreamState
  /** Asks the registry of a mapping for anything at all, for the sake of the news. */
  readonly knock: (site: Mapping, timeoutMs: number) => Promise<void>
}

/** Listens in on requests to registries. */
export function createNews(options: NewsOptions): News {
  const { upstream } = options
  const { of, answered, fail } = createNotes(options)
  return {
    of,
    upstream: {
      ...upstream,
      async ask(question) {
        const { to, client } = question
        // It ends with its client, which is no fault of the registry's.
        const noted = (error: unknown) => client.destroyed || fail(to.host, error as Error)
        try {
          const reply = await upstream.ask(question)
          answered(to.host)
          reply.on('error', noted)
          return reply
        } catch (error) {
          noted(error)
          throw error
        }
      },
    },
    async knock({ registry: { host }, connect }, timeoutMs) {
      const client = new Writable()
      const timer = setTimeout(() => client.destroy(), timeoutMs)
      const to = { host, ...(connect && { connect }) }
      const question = { method: 'GET', target: '/v2/', fields: [['Host', host]] as const }
      try {
        const reply = await upstream.ask({ ...question, to, client })
        reply.on('error', () => {})
        reply.resume()
        answered(host)
      } catch (error) {
        fail(host, client.destroyed ? LATE : (error as Error))
      } finally {
        clearTimeout(timer)
      }
    },
  }
}

type Note = { -readonly [key in keyof UpstreamState]: UpstreamState[key] }

function createNotes({ now, failed }: Omit<NewsOptions, 'upstream'>) {
  const notes = new Map<string, Note>()
  const about = (asked: string) => {
    const found = notes.get(asked)
    if (found) return found
    const host = nameOf(asked)
    const note = notes.get(host) ?? {}
    notes.set(host, note)
    return note
  }
  return {
    of: (host: string): UpstreamState => ({ ...notes.get(host) }),
    answered: (host: string) => void (about(host).answeredAt = now()),
    fail: (host: string, { code = '', message }: NodeJS.ErrnoException) => {
      Object.assign(about(host), { failedAt: now(), error: code || message })
      failed(nameOf(host), troubleOf(code))
    },
  }
}

const LATE = Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' })

// Whoever answers with a redirect to a bucket chooses its name, and so how many there are.
function nameOf(host: string): string {
  return parseRegistry(host) ? host : 'bucket'
}

const TROUBLES: readonly (readonly [RegExp, Trouble])[] = [
  [/^(ENOTFOUND|EAI_)/, 'dns'],
  [/^ECONNREFUSED$/, 'refused'],
  [/^(EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL)$/, 'unreachable'],
  [/TIMEDOUT/, 'timeout'],
  [/CERT|SIGNATURE|ISSUER|ALTNAME|SSL|TLS|^EPROTO$/, 'tls'],
  [/^(ECONNRESET|EPIPE)$/, 'reset'],
  [/^HPE_/, 'protocol'],
]

function troubleOf(code: string): Trouble {
  return TROUBLES.find(([codes]) => codes.test(code))?.[1] ?? 'other'
}
