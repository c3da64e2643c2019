/** `serve --tls-auto`: a trial in one command. */

import { X509Certificate } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { startEmulator, type Emulator } from '../emulator/emulator.ts'
import { ask, NAME, startServe, startServing } from './running.ts'

let emulator: Emulator

beforeAll(async () => {
  emulator = await startEmulator()
  return async () => await emulator.close()
})

const folderOf = ({ config }: { readonly config: string }) => join(dirname(config), 'tls')
const readIn = (folder: string, file: string) => readFileSync(join(folder, file), 'utf8')

describe('serve --tls-auto', () => {
  it('serves a certificate that its own authority vouches for', async () => {
    const sidecar = await startServing(emulator, ['--tls-auto'])
    const ca = readIn(folderOf(sidecar), 'ca.crt')
    const reply = await ask(sidecar.port, '/healthz', { ca })
    expect(reply.status).toBe(200)
  })

  it('covers a name that is added while it serves', async () => {
    const looks: (() => void)[] = []
    const after = (ms: number, act: () => void) => {
      if (ms === 60_000) looks.push(act)
      return () => {}
    }
    const sidecar = await startServing(emulator, ['--tls-auto'], { world: { after } })
    const config = JSON.parse(readFileSync(sidecar.config, 'utf8')) as {
      registries: Record<string, unknown>
    }
    config.registries[`images.${NAME}`] = config.registries[NAME]
    writeFileSync(sidecar.config, JSON.stringify(config))
    looks.forEach((look) => look())
    const names = () =>
      new X509Certificate(readIn(folderOf(sidecar), 'serve.crt')).subjectAltName ?? ''
    await expect.poll(names).toBe(`DNS:${NAME}, DNS:images.${NAME}`)
  })

  it.each([
    [
      ['--tls-auto', '--tls-cert', 'a.pem', '--tls-key', 'b.pem'],
      /there is one already, by --tls-auto/,
    ],
  ])('is used wrongly with %j', async (args, message) => {
    await expect(startServe(emulator, args).exitCode).rejects.toThrow(message)
  })
})
