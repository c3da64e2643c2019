/** Files that the sidecar is given: its certificate and key, and what tells its clients. */

import { readFileSync } from 'node:fs'
import { UserError } from '../domain/errors.ts'

export type CertificateFiles = { readonly certFile: string; readonly keyFile: string }

/** What is in the files, which are named still, for whoever finds it unusable. */
export function readCertificate({ certFile, keyFile }: CertificateFiles) {
  return {
    certFile,
    keyFile,
    cert: readGiven(certFile, 'in PEM'),
    key: readGiven(keyFile, 'in PEM'),
  }
}

/** The text of a file that someone named. A UserError where it can't be read. */
export function readGiven(path: string, form: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    const message = `${path}: can't be read (${code}); name a file ${form} that this user may read`
    throw new UserError('SERVE', message, { cause: error })
  }
}
