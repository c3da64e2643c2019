/** What clients meet under the name: an address, somebody who answers, a certificate that holds. */

import { UserError } from '../domain/errors.ts'
import { loadConfig } from '../io/config.ts'
import { judge } from './certificate.ts'
import type { Clients } from './clients.ts'
import { type Finding, findingsOf } from './finding.ts'
import type { Mapped, Scene } from './scene.ts'
import { addressesOf, bareHost, certificateAt, type Site } from './tls.ts'

export type Met = {
  readonly findings: readonly Finding[]
  /** Who answers there, where it could be asked. */
  readonly site?: Site
  /** Whether that is this machine. */
  readonly isLocal: boolean
}

export async function meet(subject: Mapped, { spared }: Clients, scene: Scene): Promise<Met> {
  const { host, asked } = subject
  const about = findingsOf('name', host)
  const port = Number(asked.port || '443')
  const name = bareHost(asked.host)
  let addresses: readonly string[]
  try {
    addresses = await addressesOf(name)
  } catch (error) {
    const trouble = {
      what: `it does not resolve from here (${codeOf(error)})`,
      why: 'clients find nobody to ask: "no such host"',
      fix: `add it to the DNS, leading to the sidecar; for a trial: echo "127.0.0.1 ${name}" | sudo tee -a /etc/hosts`,
    }
    return { findings: [about.broken('unresolved', trouble)], isLocal: false }
  }
  const isLocal = addresses.some(isLoopback)
  const site = { host: name, port, name }
  const where = `${asked.host}:${port}`
  try {
    const { certificate } = await certificateAt(site, undefined)
    return { findings: [judge(certificate, { subject, scene, where, spared })], isLocal, site }
  } catch (error) {
    return { findings: [unanswered(error, { subject, scene, where, isLocal })], isLocal }
  }
}

type At = { readonly subject: Mapped; readonly scene: Scene; readonly where: string }

function unanswered(
  error: unknown,
  { subject: { host }, scene, where, isLocal }: At & { readonly isLocal: boolean },
): Finding {
  const about = findingsOf('name', host)
  const code = codeOf(error)
  if (/WRONG_VERSION|EPROTO|PACKET_LENGTH|HTTP_REQUEST/.test(`${code} ${String(error)}`)) {
    return about.broken('plain', {
      what: `${where} answers, but not in TLS (${code})`,
      why: 'clients speak TLS to every registry that is not on their own machine',
      fix: `ecr-cname cert ${host} --install, and give the sidecar --tls-cert and --tls-key`,
    })
  }
  const isOurs = isLocal || servesHere(scene)
  return about.broken('unreachable', {
    what: `nobody answers at ${where} (${code})`,
    why: 'every pull ends there, or waits until it is given up',
    fix: isOurs
      ? 'start the sidecar: ecr-cname serve'
      : 'start what serves it there, and check firewalls and routes between',
  })
}

function servesHere({ env }: Scene): boolean {
  try {
    return Object.keys(loadConfig(env).proxy).length > 0
  } catch (error) {
    if (error instanceof UserError) return false
    throw error
  }
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.')
}

/** The code of a failed connection; of several attempts that of the first. */
export function codeOf(error: unknown): string {
  const { code, name, errors } = error as NodeJS.ErrnoException & { readonly errors?: unknown[] }
  // Given up by us.
  if (code === 'ABORT_ERR') return 'ETIMEDOUT'
  return code ?? (errors?.[0] ? codeOf(errors[0]) : (name ?? ''))
}
