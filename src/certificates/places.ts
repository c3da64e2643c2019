/** Where an authority and its certificates stand; apart from what makes them, which is a lot. */

import { join } from 'node:path'
import { configFiles, type Environment } from '../front/places.ts'

/** The folder unless another is named: beside the configuration. */
export function certificateFolder(env: Environment): string {
  return (configFiles(env).at(-1) ?? '').replace(/[^/\\]*$/, 'tls')
}

/** The files of a certificate in a folder. */
export function filesOf(folder: string, title: string) {
  return { certFile: join(folder, `${title}.crt`), keyFile: join(folder, `${title}.key`) }
}
