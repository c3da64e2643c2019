/** Why a registry gave no answer, told to the person whose pull or push has failed. */

import type { Mapping } from '../domain/mapping.ts'
import { Refusal } from './refusal.ts'

/** What was asked of whom when it failed. */
export type Attempt = {
  /** Who was asked, and through what. */
  readonly name: string
  readonly method: string
  /** What to do where there is no way. */
  readonly remedy: string
}

/** What was asked of the registry of a mapping. */
export function attemptAt({ registry, connect }: Mapping, method: string): Attempt {
  const through = connect ? ` (connecting to ${connect.host})` : ''
  const remedy = 'check routes and firewalls, or "connect" of the mapping'
  return { name: `${registry.host}${through}`, method, remedy }
}

/** The refusal for a request that was not answered. */
export function unreachable(error: unknown, attempt: Attempt): Refusal {
  if (error instanceof Refusal) return error
  const code = (error as NodeJS.ErrnoException).code ?? ''
  const message = `${attempt.name}: ${causeOf(code, attempt)}`
  return new Refusal(424, 'UNAVAILABLE', message, { cause: error })
}

function causeOf(code: string, { method, remedy }: Attempt): string {
  if (/^(ENOTFOUND|EAI_)/.test(code)) {
    return `its name can't be looked up (${code}); check the DNS where the sidecar runs`
  }
  if (/^(ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|EADDRNOTAVAIL)$/.test(code)) {
    return `it can't be reached (${code}); ${remedy}`
  }
  if (/^(ECONNRESET|EPIPE)$/.test(code)) return closed(method)
  if (code === 'ETIME') return 'it took the request and did not answer it in time; try again'
  if (code.startsWith('HPE_')) return `its answer is not HTTP (${code}); check what stands between`
  if (/CERT|SIGNATURE|ISSUER|ALTNAME/.test(code)) {
    return `its certificate is not trusted (${code}); if TLS is inspected here, name the CA in NODE_EXTRA_CA_CERTS`
  }
  return `the request failed (${code || 'no code'}); the sidecar's log says more`
}

// ECR drops the connection, without an answer, when an upload names a repository that is absent.
function closed(method: string): string {
  const text = 'it closed the connection without an answer'
  return method === 'GET' || method === 'HEAD'
    ? `${text}; try again`
    : `${text}; ECR does so when the repository does not exist: create it, or try again`
}
