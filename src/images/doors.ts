/** The ways to a registry: ECR itself behind a name, or a sidecar that has the name's own certificate. */

import { isIPv4 } from 'node:net'
import { UserError } from '../domain/errors.ts'
import type { HostPort } from '../domain/mapping.ts'
import { codeOf } from './codes.ts'

/** A registry as a reference names it. */
export type Site = {
  /** The name that was asked for. */
  readonly name: HostPort
  /** The host of the ECR registry behind it; the same where ECR's own name was asked for. */
  readonly registry: string
  /** Where sockets go instead. */
  readonly connect?: HostPort
  /** What repositories begin with at the registry, unseen under the name. */
  readonly prefix?: string
}

/** One way in: where the socket goes, whose certificate has to be there, and what Host says. */
export type Door = {
  readonly address: HostPort
  /** The name that the certificate has to be for; `undefined` is plain HTTP. */
  readonly certificate: string | undefined
  readonly host: string
  /** Whether ECR itself is behind it. */
  readonly isRegistry: boolean
}

/** The ways to a site, in the order in which they are tried. */
export function doorsOf({ name, registry, connect }: Site): readonly Door[] {
  const itself = { host: registry, port: 443 }
  const toRegistry = { certificate: registry, host: registry, isRegistry: true }
  if (name.host === registry) return [{ address: connect ?? itself, ...toRegistry }]
  const address = connect ?? name
  const host = asWritten(name)
  const doors: Door[] = [
    { address, ...toRegistry },
    { address, certificate: name.host, host, isRegistry: false },
  ]
  // Plain HTTP never leaves the machine: only an address that says so itself counts.
  if (isLoopbackName(name.host)) {
    const port = { port: name.port ?? 80, ...connect }
    doors.push({
      address: { ...address, ...port },
      certificate: undefined,
      host,
      isRegistry: false,
    })
    return doors
  }
  // A name that exists in configurations alone: the registry is where it always is.
  if (!connect) doors.push({ address: itself, ...toRegistry })
  return doors
}

/** A host with its port, if it has one. */
export function asWritten({ host, port }: HostPort): string {
  return port === undefined ? host : `${host}:${port}`
}

/** Whether a failure means that the next door may be the right one. */
export function isWrongDoor(error: unknown, door: Door, next: Door): boolean {
  const code = codeOf(error)
  if (next.address.host !== door.address.host) return /^(ENOTFOUND|EAI_NONAME)$/.test(code)
  // What is no TLS at all, a certificate that is another's, and a server that knows no such name.
  return isCertificateCode(code) || /^(EPROTO|ERR_SSL_.*|ECONNRESET)$/.test(code)
}

/** What a failed connection comes to, in one line. */
export function explainConnection(error: unknown, { address, certificate }: Door): UserError {
  if (error instanceof UserError) return error
  const code = codeOf(error)
  const place = asWritten(address)
  const cause = { cause: error }
  if (isCertificateCode(code)) {
    return new UserError(
      'UNREACHABLE',
      `${place}: its certificate is not one for ${certificate} that is trusted (${code}); name the CA's file in NODE_EXTRA_CA_CERTS, or "connect" in the mapping`,
      cause,
    )
  }
  if (code.startsWith('HPE_')) {
    return new UserError(
      'REGISTRY',
      `${place}: what it answers is no HTTP as it should be (${code}); see what listens there`,
      cause,
    )
  }
  const text = `${place}: it can't be reached (${code || (error as Error).message})`
  return new UserError('UNREACHABLE', `${text}; check the network, the DNS and HTTPS_PROXY`, cause)
}

function isCertificateCode(code: string): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO|ISSUER|ALTNAME/.test(code)
}

function isLoopbackName(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || (isIPv4(host) && host.startsWith('127.'))
}
