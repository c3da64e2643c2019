/** What the emulator's own tests start with. */

import { ECRClient, type ECRClientConfig, GetAuthorizationTokenCommand } from '@aws-sdk/client-ecr'
import { onTestFinished } from 'vitest'

import { type Emulator, type EmulatorOptions, startEmulator } from './emulator.ts'

/** The key pair that every emulator knows. */
export const KEYS = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
}

export async function runEmulator(options?: EmulatorOptions): Promise<Emulator> {
  const emulator = await startEmulator(options)
  onTestFinished(() => emulator.close())
  return emulator
}

/** The SDK's own client, which makes one attempt and gives up. */
export function ecrClient({ apiUrl, region }: Emulator, config: ECRClientConfig = {}): ECRClient {
  return new ECRClient({ endpoint: apiUrl, region, credentials: KEYS, maxAttempts: 1, ...config })
}

/** The Authorization header that a token from GetAuthorizationToken makes. */
export async function logInTo(emulator: Emulator, config?: ECRClientConfig): Promise<string> {
  const answer = await ecrClient(emulator, config).send(new GetAuthorizationTokenCommand({}))
  return `Basic ${answer.authorizationData?.[0]?.authorizationToken}`
}
