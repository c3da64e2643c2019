import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { describe, expect, it } from 'vitest'

import { CREDENTIAL_KINDS, type CredentialKind } from './environment.ts'
import { runEmulator } from './running.ts'

const PROGRAM = `
  import { ECRClient, GetAuthorizationTokenCommand } from '@aws-sdk/client-ecr'
  const { authorizationData } = await new ECRClient({}).send(new GetAuthorizationTokenCommand({}))
  console.log(authorizationData[0].proxyEndpoint)
`

const SOURCES: Readonly<Record<Exclude<CredentialKind, 'none'>, string>> = {
  keys: 'arn:aws:iam::123456789012:user/developer',
  session: 'arn:aws:sts::123456789012:assumed-role/build/session',
  container: 'arn:aws:sts::123456789012:assumed-role/task/task-0emulated',
  imds: 'arn:aws:sts::123456789012:assumed-role/instance/i-0emulated',
  'web-identity': 'arn:aws:sts::123456789012:assumed-role/workload/workload',
  sso: 'arn:aws:sts::123456789012:assumed-role/sso/developer',
}

const mint = async (env: Record<string, string>) => {
  const args = ['--input-type=module', '--eval', PROGRAM]
  return promisify(execFile)(process.execPath, args, { env })
}

describe('an environment', () => {
  it.each(Object.entries(SOURCES) as [CredentialKind, string][])(
    'of the kind %s makes the SDK %s',
    async (kind, arn) => {
      const emulator = await runEmulator()
      const { stdout } = await mint(emulator.env(kind))
      expect(stdout).toBe('https://123456789012.dkr.ecr.us-east-1.amazonaws.com\n')
      const { operation, principal } = emulator.calls.at(-1) ?? {}
      expect([operation, principal]).toEqual(['GetAuthorizationToken', arn])
    },
  )

  it('of the kind none leads to no credentials and to no request', async () => {
    const emulator = await runEmulator()
    await expect(mint(emulator.env('none'))).rejects.toThrow('Could not load credentials')
    expect(emulator.calls).toEqual([])
  })

  it('is there for every kind', () => {
    expect([...Object.keys(SOURCES), 'none'].sort()).toEqual([...CREDENTIAL_KINDS].sort())
  })
})
