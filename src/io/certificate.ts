/** The certificate of the sidecar and its key, as files. */

import { readFileSync } from 'node:fs'
import { UserError } from '../domain/errors.ts'

export type CertificateFiles = { readonly certFile: string; readonly keyFile: string }

/** What is in the files, which are named still, for whoever finds it unusable. */
export function readCertificate({ certFile, keyFile }: CertificateFiles) {
  return { certFile, keyFile, cert: readPem(certFile), key: readPem(keyFile) }
}

function readPem(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    const message = `${path}: can't be read (${code}); name a file in PEM that this user may read`
    throw new UserError('SERVE', message, { cause: error })
  }
}
