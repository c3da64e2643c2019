/** The certificate that clients are shown. */

import { createSecureContext, type SecureContextOptions, type TlsOptions } from 'node:tls'
import { UserError } from '../domain/errors.ts'

/** A certificate with its chain, and its key, as PEM, and the files that they are from. */
export type Certificate = {
  readonly cert: string
  readonly key: string
  readonly certFile: string
  readonly keyFile: string
}

/** TLS with a certificate. One that is unusable, or not the key's, throws a UserError. */
export function tlsOf({ cert, key, certFile, keyFile }: Certificate): TlsOptions {
  const options = { cert, key, minVersion: 'TLSv1.2' } as const
  // As Buffers, for an empty text would count as none.
  check({ cert: Buffer.from(cert) }, `${certFile}: no certificate in PEM; name the full chain`)
  check({ key: Buffer.from(key) }, `${keyFile}: no private key in PEM without a passphrase`)
  check(options, `${keyFile}: not the key of the certificate in ${certFile}; name the pair`)
  return options
}

function check(options: SecureContextOptions, message: string): void {
  try {
    createSecureContext(options)
  } catch (cause) {
    throw new UserError('SERVE', message, { cause })
  }
}
