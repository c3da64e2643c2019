/** An emulated ECR that the process of a test trusts. */

import { readFileSync } from 'node:fs'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { type Emulator, type EmulatorOptions, startEmulator } from '../emulator/emulator.ts'

/** Has this process trust the authority of a file, besides those that it trusts anyway. */
export function trust(caFile: string): void {
  setDefaultCACertificates([...getCACertificates('default'), readFileSync(caFile, 'utf8')])
}

/** Starts one that is trusted, with the repository team/app. */
export async function startTrustedEmulator(options?: EmulatorOptions): Promise<Emulator> {
  const emulator = await startEmulator(options)
  await emulator.createRepository('team/app')
  trust(emulator.caFile)
  return emulator
}
