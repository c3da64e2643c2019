/** What a registry's answer means that is not the one expected, in one line. */

import type { IncomingHttpHeaders } from 'node:http'
import { UserError } from '../domain/errors.ts'
import { gather, type Incoming } from './taker.ts'

/** What a registry said, where its word for it matters to whoever asked. */
export class RegistryError extends UserError {
  readonly status: number
  /** Such as `NAME_UNKNOWN`. */
  readonly word: string

  constructor(message: string, { status, code }: Pick<Told, 'status' | 'code'>) {
    super('REGISTRY', message)
    this.status = status
    this.word = code
  }
}

export type Refusal = {
  readonly error: UserError
  /** Whether it may pass by itself, and when to ask again. */
  readonly isPassing: boolean
  readonly afterMs: number | undefined
  /** Whether it is about the login, and another may do. */
  readonly isOfLogin: boolean
}

// Answers of this kind are small; more is not read.
const LIMIT = 64 * 1024

/** Reads an answer that is none of those expected. `where` is what was asked for. */
export async function refusalOf(answer: Incoming, where: string): Promise<Refusal> {
  const { status } = answer
  const body = await readSome(answer, where)
  const { code, message } = firstError(body)
  const isOfLogin =
    status === 401 ||
    (status === 403 && /token has expired|token is expired/i.test(message)) ||
    // A token of another region, and one that is none (AWS answers both without JSON).
    (status === 400 && (code === '' || /token is invalid/i.test(message)))
  const isPassing = status === 429 || (status >= 500 && status !== 501) || status === 408
  const line = lineOf({ status, code, message }, where)
  return {
    error: new RegistryError(`${where}: ${line}`, { status, code }),
    isPassing,
    afterMs: retryAfter(answer.headers),
    isOfLogin,
  }
}

type Told = { readonly status: number; readonly code: string; readonly message: string }

function lineOf({ status, code, message }: Told, where: string): string {
  if (code === 'NAME_UNKNOWN') {
    return `${message || 'the repository does not exist'}; create it, or check the name`
  }
  if (code === 'BLOB_UNKNOWN') return 'the registry lacks this part of the image; push it anew'
  if (code === 'MANIFEST_UNKNOWN' || (status === 404 && code === '')) {
    const repository = where.replace(/[:@][^/]*$/, '')
    return `there is no such image; see the tags with: ecr-cname tags ${repository}`
  }
  if (status === 429) return `the registry is asked too often (${message || '429'}); try later`
  const isBare = code === '' && message === ''
  if (status === 401 || (status === 403 && isBare)) {
    const [host = ''] = where.split('/')
    const reason = message || String(status)
    return `the registry refuses the login (${reason}); see: ecr-cname resolve --aws ${host}`
  }
  if (!isBare) return `the registry refused: ${message || code}`
  if (status === 413) {
    return 'a proxy before the registry takes no body of this size (413); raise its limit, as by client_max_body_size 0 of nginx'
  }
  return `the registry answered ${status}`
}

function firstError(body: string): { readonly code: string; readonly message: string } {
  try {
    const { errors } = JSON.parse(body) as {
      readonly errors?: readonly Readonly<Record<string, unknown>>[]
    }
    const { code, message } = errors?.[0] ?? {}
    return { code: textOf(code), message: textOf(message) }
  } catch {
    return { code: '', message: '' }
  }
}

async function readSome(answer: Incoming, where: string): Promise<string> {
  const gathering = gather(LIMIT, where)
  // Where it ends early, what has come so far may tell enough.
  await answer.into(gathering).catch(() => answer.drop())
  return gathering.bytes().toString('utf8')
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

// RFC 9110 section 10.2.3; a date is one by the clock of who answers.
function retryAfter({ 'retry-after': value = '', date = '' }: IncomingHttpHeaders) {
  if (/^\d+$/.test(value)) return Number(value) * 1000
  const ms = Date.parse(value) - Date.parse(date)
  return ms > 0 ? ms : undefined
}
