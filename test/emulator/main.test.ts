import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

import { describe, expect, it } from 'vitest'

const PROGRAM = 'test/emulator/main.ts'

const put = async (url: string, body: object) =>
  (await fetch(url, { method: 'PUT', body: JSON.stringify(body) })).json()

describe('the program', () => {
  it('prints one line when it is ready, obeys its admin, and ends on SIGTERM', async () => {
    const args = ['--repository', 'team/app', '--set', 'tokenSeconds=60']
    const child = spawn(process.execPath, [PROGRAM, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
    const { adminUrl, metadataUrl } = JSON.parse(line) as Record<string, string>
    await fetch(String(metadataUrl))
    expect(await (await fetch(`${adminUrl}/calls`)).json()).toMatchObject([{ service: 'imds' }])
    expect(await put(`${adminUrl}/settings`, { tokenBytes: 5000 })).toMatchObject({
      tokenSeconds: 60,
      tokenBytes: 5000,
    })
    expect(await put(`${adminUrl}/settings`, { tokenByte: 1 })).toEqual({
      error: 'Error: no setting is called tokenByte',
    })
    child.kill('SIGTERM')
    expect(await once(child, 'close')).toEqual([0, null])
  })
})
