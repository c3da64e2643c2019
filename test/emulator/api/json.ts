/** The JSON protocol of ECR and ECR Public: an action by name, JSON in, JSON out. */

import { gunzipSync } from 'node:zlib'

import type { Emulation } from '../emulation.ts'
import { type Exchange, Refusal, send, type Service } from '../exchange.ts'
import type { ServiceName } from '../faults.ts'
import { authenticate, type Caller, type Dialect, problem } from './signed.ts'

const TYPE = { 'Content-Type': 'application/x-amz-json-1.1' }

export const JSON_DIALECT: Dialect = {
  missing: [400, 'MissingAuthenticationTokenException'],
  unknown: [400, 'UnrecognizedClientException'],
  mismatch: [400, 'InvalidSignatureException'],
  expired: [400, 'ExpiredTokenException'],
  denied: [400, 'AccessDeniedException'],
  throttled: [400, 'ThrottlingException'],
  invalid: [400, 'InvalidParameterException'],
}

/** What an action is given: what came, and from whom. */
export type Ask = {
  readonly emulation: Emulation
  readonly caller: Caller
  readonly exchange: Exchange
  readonly input: Readonly<Record<string, unknown>>
}

export type Action = (ask: Ask) => Promise<object> | object

export function jsonService(
  emulation: Emulation,
  name: ServiceName,
  actions: Readonly<Record<string, Action>>,
  signedAs: string = name,
): Service {
  return {
    name,
    throttled: problem(JSON_DIALECT, 'throttled', 'Rate exceeded'),
    refuse({ response }, { status, code, message }) {
      send(response, status, TYPE, JSON.stringify({ __type: code, message }))
    },
    async answer(exchange) {
      const caller = authenticate(emulation, exchange, {
        name: signedAs,
        dialect: JSON_DIALECT,
      })
      const action = actions[exchange.call.operation]
      if (!action) throw new Refusal(400, 'UnknownOperationException', 'Unknown operation')
      const output = await action({ emulation, caller, exchange, input: parse(exchange) })
      send(exchange.response, 200, TYPE, JSON.stringify(output))
    },
  }
}

const parse = ({ request, body }: Exchange) => {
  try {
    const isPacked = request.headers['content-encoding'] === 'gzip'
    const text = isPacked ? gunzipSync(body) : body
    return JSON.parse(text.toString() || '{}') as Record<string, unknown>
  } catch {
    throw new Refusal(400, 'SerializationException', 'Could not parse the request body')
  }
}
