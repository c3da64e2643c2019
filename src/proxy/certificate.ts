/** The certificate that clients are shown. */

import { X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContextOptions, type TlsOptions } from 'node:tls'
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

/**
 * TLS with a certificate, and one asked of clients where there is someone to sign it. What is
 * unusable, or not the key's, throws a UserError.
 */
export function tlsOf(certificate: Certificate, clients?: ClientAuthority): TlsOptions {
  const own = ownTls(certificate)
  if (!clients) return own
  checkAuthority(clients)
  // A client without one gets an answer that says so.
  return { ...own, ca: clients.ca, requestCert: true, rejectUnauthorized: false }
}

function ownTls({ cert, key, certFile, keyFile }: Certificate): TlsOptions {
  const options = { cert, key, minVersion: 'TLSv1.2' } as const
  // As Buffers, for an empty text would count as none.
  check({ cert: Buffer.from(cert) }, `${certFile}: no certificate in PEM; name the full chain`)
  check({ key: Buffer.from(key) }, `${keyFile}: no private key in PEM without a passphrase`)
  check(options, `${keyFile}: not the key of the certificate in ${certFile}; name the pair`)
  return options
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
