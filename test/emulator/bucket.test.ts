import { describe, expect, it } from 'vitest'

import type { EmulatorOptions } from './emulator.ts'
import { createSend, pushImage } from './registry-client.ts'
import { logInTo, runEmulator } from './running.ts'

const LAYER = Buffer.from('0123456789')

/** Pushes an image and asks for its layer; `url` is where that leads. */
const runBucket = async (options?: EmulatorOptions) => {
  const emulator = await runEmulator(options)
  await emulator.createRepository('app')
  const send = createSend(emulator)
  const authorization = await logInTo(emulator)
  const repository = `https://${emulator.registry.host}/v2/app`
  const image = await pushImage(send, authorization, repository, { tag: '1', layer: LAYER })
  const blob = `${repository}/blobs/${image.layerDigest}`
  const { status, headers } = await send('GET', blob, { headers: { authorization } })
  return { emulator, send, authorization, status, url: headers.location ?? '' }
}

describe('a layer', () => {
  it('is found by a redirect to a presigned URL of an unrelated host', async () => {
    const { emulator, send, status, url } = await runBucket()
    expect(status).toBe(307)
    expect(url).toMatch(
      `https://prod-us-east-1-starport-layer-bucket.s3.us-east-1.amazonaws.com:${emulator.bucket.port}/`,
    )
    const { body, status: found } = await send('GET', url)
    expect([found, body.toString()]).toEqual([200, '0123456789'])
  })

  it('is not given to who sends an Authorization along', async () => {
    const { send, authorization, url } = await runBucket()
    const { status, body } = await send('GET', url, { headers: { authorization } })
    expect(status).toBe(400)
    expect(body.toString()).toContain(
      '<Code>InvalidArgument</Code><Message>Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified</Message>',
    )
  })

  it('is not there for HEAD, for another path, or without the signature', async () => {
    const { send, url } = await runBucket()
    expect((await send('HEAD', url)).status).toBe(403)
    expect((await send('GET', url.replace('/app/', '/other/'))).status).toBe(403)
    expect((await send('GET', url.replace(/\?.*/, ''))).status).toBe(403)
    expect((await send('GET', url.slice(0, -1) + (url.endsWith('0') ? '1' : '0'))).status).toBe(403)
  })

  it('is no longer given when the URL has expired', async () => {
    const { emulator, send, url } = await runBucket()
    emulator.settings.clockOffsetMs = 3600_000
    const { status, body } = await send('GET', url)
    expect([status, body.toString()]).toEqual([403, expect.stringContaining('has expired')])
  })

  it.each([
    ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=-2', 206, '89', 'bytes 8-9/10'],
    ['bytes=5-100', 206, '56789', 'bytes 5-9/10'],
    ['bytes=x', 200, '0123456789', undefined],
  ])('is given in part for %s', async (range, status, text, contentRange) => {
    const { send, url } = await runBucket()
    const answer = await send('GET', url, { headers: { range } })
    expect([answer.status, answer.body.toString()]).toEqual([status, text])
    expect(answer.headers['content-range']).toBe(contentRange)
  })

  it('has no part behind its end', async () => {
    const { send, url } = await runBucket()
    expect((await send('GET', url, { headers: { range: 'bytes=10-' } })).status).toBe(416)
  })

  it('may be on an address, where no name can be added', async () => {
    const { send, url } = await runBucket({ settings: { bucketHost: '127.0.0.1' } })
    expect(new URL(url).hostname).toBe('127.0.0.1')
    expect((await send('GET', url)).status).toBe(200)
  })

  it('is cut off after as many bytes as a fault says', async () => {
    const { emulator, send, url } = await runBucket()
    emulator.settings.faults.push({ service: 'bucket', kind: 'cut', afterBytes: 4, times: 1 })
    await expect(send('GET', url)).rejects.toThrow('aborted')
    expect((await send('GET', url)).body.length).toBe(10)
  })

  it('arrives whole when a fault makes it slow', async () => {
    const { emulator, send, url } = await runBucket()
    emulator.settings.faults.push({ service: 'bucket', kind: 'slow', bytesPerSecond: 50 })
    expect((await send('GET', url)).body.length).toBe(10)
  })
})
