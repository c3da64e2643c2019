import { describe, expect, it } from 'vitest'

import type { Emulator } from './emulator.ts'
import { runEmulator } from './running.ts'

const TOKEN = '/latest/api/token'
const CREDENTIALS = '/latest/meta-data/iam/security-credentials/instance'

const ttl = (seconds: number) => ({
  'x-aws-ec2-metadata-token-ttl-seconds': String(seconds),
})

const tokenOf = async ({ metadataUrl }: Emulator) => {
  const answer = await fetch(metadataUrl + TOKEN, { method: 'PUT', headers: ttl(60) })
  return { 'x-aws-ec2-metadata-token': await answer.text() }
}

const keyOf = async ({ metadataUrl }: Emulator, headers: Record<string, string>) => {
  const answer = await fetch(metadataUrl + CREDENTIALS, { headers })
  return ((await answer.json()) as { AccessKeyId: string }).AccessKeyId
}

describe('instance metadata', () => {
  it('wants a token, and that it has not expired', async () => {
    const emulator = await runEmulator()
    const url = emulator.metadataUrl + CREDENTIALS
    expect((await fetch(url)).status).toBe(401)
    const headers = await tokenOf(emulator)
    expect((await fetch(url, { headers })).status).toBe(200)
    emulator.settings.clockOffsetMs = 60_000
    expect((await fetch(url, { headers })).status).toBe(401)
  })

  it('answers without a token where version 1 is on', async () => {
    const emulator = await runEmulator({ settings: { imdsV1: true } })
    expect((await fetch(emulator.metadataUrl + CREDENTIALS)).status).toBe(200)
  })

  it('gives no token to a proxy', async () => {
    const { metadataUrl } = await runEmulator()
    const headers = { ...ttl(60), 'x-forwarded-for': '10.0.0.1' }
    expect((await fetch(metadataUrl + TOKEN, { method: 'PUT', headers })).status).toBe(403)
  })

  it('rotates the credentials when half their life is over', async () => {
    const emulator = await runEmulator()
    const first = await keyOf(emulator, await tokenOf(emulator))
    expect(await keyOf(emulator, await tokenOf(emulator))).toBe(first)
    emulator.settings.clockOffsetMs = 1801_000
    expect(await keyOf(emulator, await tokenOf(emulator))).not.toBe(first)
  })
})

describe('container credentials', () => {
  it('are for who sends the token', async () => {
    const { containerUrl, settings } = await runEmulator()
    expect((await fetch(containerUrl)).status).toBe(403)
    const headers = { authorization: settings.containerToken }
    const answer = await fetch(containerUrl, { headers })
    expect(Object.keys((await answer.json()) as object).sort()).toEqual([
      'AccessKeyId',
      'Expiration',
      'SecretAccessKey',
      'Token',
    ])
  })
})
