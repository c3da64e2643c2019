/** A door for shell scripts: read the calls, change the settings, while the emulator runs. */

import type { IncomingMessage, ServerResponse } from 'node:http'

import { isRepositoryName } from './content.ts'
import type { Emulator, ListenerName } from './emulator.ts'
import { CREDENTIAL_KINDS } from './environment.ts'
import { readBody, send } from './exchange.ts'
import type { Fault } from './faults.ts'
import { type Listener, listen, type Place } from './listener.ts'
import { applySettings } from './settings.ts'

/** Everything a client has to know, as one object. */
export function describe(emulator: Emulator, adminUrl: string): object {
  const { account, region, ports, registry, bucket, caFile } = emulator
  const { apiUrl, apiTlsUrl, metadataUrl, containerUrl } = emulator
  const env = Object.fromEntries(CREDENTIAL_KINDS.map((kind) => [kind, emulator.env(kind)]))
  return {
    adminUrl,
    account,
    region,
    ports,
    apiUrl,
    apiTlsUrl,
    registry,
    bucket,
    metadataUrl,
    containerUrl,
    caFile,
    env,
  }
}

export function listenAdmin(emulator: Emulator, place: Place): Promise<Listener> {
  return listen(place, (request, response) => {
    answer(emulator, request).then(
      (found) => reply(response, found === undefined ? 404 : 200, found ?? { error: 'not found' }),
      (error: unknown) => reply(response, 400, { error: String(error) }),
    )
  })
}

type Ask = { readonly emulator: Emulator; readonly body: unknown; readonly url: URL }

const ANSWERS: Readonly<Record<string, (ask: Ask) => unknown>> = {
  'GET /': ({ emulator, url }) => describe(emulator, url.origin),
  'GET /calls': ({ emulator }) => emulator.calls,
  'DELETE /calls': ({ emulator }) => ({ cleared: emulator.calls.splice(0).length }),
  'GET /settings': ({ emulator }) => emulator.settings,
  'PUT /settings'({ emulator, body }) {
    applySettings(emulator.settings, body as Record<string, unknown>)
    return emulator.settings
  },
  'POST /faults': ({ emulator, body }) => [emulator.settings.faults.push(body as Fault)],
  'DELETE /faults': ({ emulator }) => ({ cleared: emulator.settings.faults.splice(0).length }),
  async 'POST /repositories'({ emulator, body }) {
    const { name, ...options } = body as { name: string; immutable?: boolean }
    if (!isRepositoryName(name)) throw new Error(`${name} is no name of a repository`)
    await emulator.createRepository(name, options)
    return { name }
  },
  'POST /certificates': ({ emulator, body }) =>
    emulator.certificate((body as { names: string[] }).names),
  async 'POST /suspend'({ emulator, body }) {
    await emulator.suspend((body as { listener: ListenerName }).listener)
    return {}
  },
  async 'POST /resume'({ emulator, body }) {
    await emulator.resume((body as { listener: ListenerName }).listener)
    return {}
  },
}

const answer = async (emulator: Emulator, request: IncomingMessage): Promise<unknown> => {
  const url = new URL(request.url ?? '/', `http://${request.headers.host}`)
  const body = (await readBody(request)).toString()
  const found = ANSWERS[`${request.method} ${url.pathname}`]
  return found?.({ emulator, url, body: body === '' ? {} : (JSON.parse(body) as unknown) })
}

const reply = (response: ServerResponse, status: number, value: unknown) =>
  send(response, status, { 'Content-Type': 'application/json' }, `${JSON.stringify(value)}\n`)
