import { GetAuthorizationTokenCommand } from '@aws-sdk/client-ecr'
import { describe, expect, it } from 'vitest'

import { digestOf } from './content.ts'
import type { Fault } from './faults.ts'
import { createSend } from './registry-client.ts'
import { ecrClient, logInTo, runEmulator } from './running.ts'

const getToken = new GetAuthorizationTokenCommand({})

const runWith = async (fault: Fault) => {
  const emulator = await runEmulator({ settings: { faults: [fault] } })
  return { emulator, client: ecrClient(emulator) }
}

describe('a fault', () => {
  it('throttles so many calls and no more', async () => {
    const { client } = await runWith({ service: 'ecr', kind: 'throttle', times: 1 })
    await expect(client.send(getToken)).rejects.toMatchObject({ name: 'ThrottlingException' })
    await client.send(getToken)
  })

  it('lets a call hang for ever', async () => {
    const { client, emulator } = await runWith({ service: 'ecr', kind: 'hang' })
    const abort = new AbortController()
    const answer = client.send(getToken, { abortSignal: abort.signal })
    await expect.poll(() => emulator.calls.length).toBe(1)
    abort.abort()
    await expect(answer).rejects.toThrow('aborted')
    expect(emulator.calls[0]).not.toHaveProperty('status')
  })

  it('delays an answer', async () => {
    const { client } = await runWith({ service: 'ecr', kind: 'delay', ms: 20 })
    const start = performance.now()
    await client.send(getToken)
    expect(performance.now() - start).toBeGreaterThan(15)
  })

  it('answers with a status in the form of the service, or with a page', async () => {
    const { emulator, client } = await runWith({ service: 'ecr', kind: 'status', status: 503 })
    await expect(client.send(getToken)).rejects.toMatchObject({ name: 'InternalFailure' })
    emulator.settings.faults = [{ service: 'ecr', kind: 'status', status: 503, html: true }]
    await expect(client.send(getToken)).rejects.toThrow(SyntaxError)
  })

  it('denies', async () => {
    const { client } = await runWith({ service: 'ecr', kind: 'deny' })
    await expect(client.send(getToken)).rejects.toMatchObject({ name: 'AccessDeniedException' })
  })

  it('cuts a connection before the answer', async () => {
    const { client } = await runWith({ service: 'ecr', kind: 'cut' })
    await expect(client.send(getToken)).rejects.toThrow('socket hang up')
  })

  it('meets only the operation that it names', async () => {
    const operation = 'CreateRepository'
    const { client } = await runWith({ service: 'ecr', kind: 'throttle', operation })
    await client.send(getToken)
  })

  it('throttles a registry with 429', async () => {
    const { emulator } = await runWith({ service: 'registry', kind: 'throttle' })
    const answer = await createSend(emulator)('GET', `https://${emulator.registry.host}/v2/`)
    expect([answer.status, answer.body.toString()]).toEqual([
      429,
      '{"errors":[{"code":"TOOMANYREQUESTS","message":"Rate exceeded"}]}',
    ])
  })

  it('cuts an upload, of which nothing stays', async () => {
    const { emulator } = await runWith({
      service: 'registry',
      kind: 'cut',
      operation: 'PatchUpload',
      afterBytes: 3,
      times: 1,
    })
    await emulator.createRepository('app')
    const send = createSend(emulator)
    const headers = { authorization: await logInTo(emulator) }
    const url = `https://${emulator.registry.host}/v2/app/blobs/uploads/`
    const { location = '' } = (await send('POST', url, { headers })).headers
    await expect(send('PATCH', location, { headers, body: '12345' })).rejects.toThrow()
    const digest = digestOf(Buffer.from('abc'))
    const whole = await send('PUT', `${location}?digest=${digest}`, { headers, body: 'abc' })
    expect(whole.status).toBe(201)
  })
})

describe('a suspended listener', () => {
  it('refuses connections until it is resumed on the same port', async () => {
    const emulator = await runEmulator()
    await emulator.suspend('api')
    await expect(ecrClient(emulator).send(getToken)).rejects.toThrow('ECONNREFUSED')
    await emulator.resume('api')
    await ecrClient(emulator).send(getToken)
  })
})
