/** The certificate that clients are shown. */

import { X509Certificate } from 'node:crypto'
import {
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
  type TlsOptions,
} from 'node:tls'
import { UserError } from '../domain/errors.ts'

/** A certificate with its chain, and its key, as PEM, and the files that they are from. */
export type Certificate = {
  readonly cert: string
  readonly key: string
  readonly certFile: string
  readonly keyFile: string
}

/** Who signs the certificates of clients. */
export type ClientAuthority = { readonly ca: string; readonly caFile: string }

/** TLS of a listener. */
export type ServerTls = {
  /** With the first certificate, for clients that name no host and hosts that none is for. */
  readonly options: TlsOptions
  /** By the name that a client asks for; absent where there is one certificate for all. */
  readonly contextFor?: (name: string) => SecureContext
  /** Whether one of the certificates is for a name. */
  readonly isFor: (name: string) => boolean
  /** From when to when the certificate is good that clients of a name are shown. */
  readonly validityFor: (name: string) => Validity
  /** The files of certificates that are not valid at a time, in ms since 1970. */
  readonly invalidAt: (time: number) => readonly string[]
}

/** Times in ms since 1970. */
export type Validity = { readonly notBefore: number; readonly notAfter: number }

/**
 * TLS with a certificate for each name, and one asked of clients where there is someone to sign
 * it. What is unusable, or a key of another certificate, throws a UserError.
 */
export function tlsOf(
  certificates: readonly [Certificate, ...Certificate[]],
  clients?: ClientAuthority,
): ServerTls {
  if (clients) checkAuthority(clients)
  const [first, ...others] = certificates.map((certificate) => ownTls(certificate, clients?.ca))
  const all = [first!, ...others]
  const find = (name: string) => {
    const named = all.find(({ facts }) => facts.checkHost(name, { wildcards: false }))
    return named ?? all.find(({ facts }) => facts.checkHost(name)) ?? all[0]!
  }
  return {
    // A client without a certificate gets an answer that says so.
    options: {
      ...first!.options,
      ...(clients && { requestCert: true, rejectUnauthorized: false }),
    },
    ...(others.length > 0 && { contextFor: (name: string) => find(name).context }),
    isFor: (name) => find(name).facts.checkHost(name) !== undefined,
    validityFor(name) {
      const { validFromDate, validToDate } = find(name).facts
      return { notBefore: validFromDate.getTime(), notAfter: validToDate.getTime() }
    },
    invalidAt: (time) =>
      certificates
        .filter((_, index) => !isValidAt(all[index]!.facts, time))
        .map(({ certFile }) => certFile),
  }
}

function isValidAt({ validFromDate, validToDate }: X509Certificate, time: number): boolean {
  return validFromDate.getTime() <= time && time <= validToDate.getTime()
}

function ownTls({ cert, key, certFile, keyFile }: Certificate, ca: string | undefined) {
  // Node's own authorities are no concern of clients: with them OpenSSL would look for the chain, and
  // verify it, at every handshake.
  const options = { cert, key, ca: ca ?? [], minVersion: 'TLSv1.2' } as const
  // As Buffers, for an empty text would count as none.
  check({ cert: Buffer.from(cert) }, `${certFile}: no certificate in PEM; name the full chain`)
  check({ key: Buffer.from(key) }, `${keyFile}: no private key in PEM without a passphrase`)
  check(options, `${keyFile}: not the key of the certificate in ${certFile}; name the pair`)
  return { options, context: createSecureContext(options), facts: new X509Certificate(cert) }
}

// TLS itself takes a CA that is none for an empty list.
function checkAuthority({ ca, caFile }: ClientAuthority): void {
  try {
    void new X509Certificate(ca)
  } catch (cause) {
    const message = `${caFile}: no certificate in PEM; name that of who signs the clients'`
    throw new UserError('SERVE', message, { cause })
  }
}

function check(options: SecureContextOptions, message: string): void {
  try {
    createSecureContext(options)
  } catch (cause) {
    throw new UserError('SERVE', message, { cause })
  }
}
