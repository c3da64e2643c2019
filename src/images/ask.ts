/** A question to a registry, with the login that it wants. */

import type { OutgoingHttpHeaders } from 'node:http'
import type { Body } from './connection.ts'
import type { Login } from './login.ts'
import { refusalOf } from './refusal.ts'
import { Passing } from './retry.ts'
import type { Incoming } from './taker.ts'

export type Ask = {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'PUT'
  /** Below `/v2/<repository>/`, or below `/v2/` where there is no repository. */
  readonly path: string
  readonly repository?: string
  /** A path and query that the registry gave, in place of the two. */
  readonly target?: string
  readonly headers?: OutgoingHttpHeaders
  /** Made anew for each try. */
  readonly body?: () => Body
  /** All other statuses are failures, which throw. */
  readonly expect: readonly number[]
  /** Ends this question alone. */
  readonly signal?: AbortSignal
  /** What is asked for, where the repository alone would say too little. */
  readonly where?: string
}

export type Asker = {
  readonly login: Login
  readonly send: (ask: Ask, authorization: string | undefined) => Promise<Incoming>
  /** The registry's name, as it was asked for. */
  readonly host: string
}

/** Asks once, and once more with a new login where the registry says that the one sent has ended. */
export async function askWith(asker: Asker, ask: Ask): Promise<Incoming> {
  const { login, send, host } = asker
  const where = ask.where ?? [host, ask.repository].filter(Boolean).join('/')
  const isExpected = ({ status }: Incoming) => ask.expect.includes(status)
  // What answers HEAD has no text, and only the text of a 403 tells that a token has ended.
  const isRenewedByGet = async () => {
    const base: Ask = {
      method: 'GET',
      path: '',
      expect: [200],
      ...(ask.signal && { signal: ask.signal }),
    }
    const told = await askWith(asker, base).catch(() => undefined)
    told?.skip()
    return (await login.header()) !== authorization
  }
  const authorization = await login.header()
  let answer = await send(ask, authorization)
  if (isExpected(answer)) return answer
  let refusal = await refusalOf(answer, where)
  const isRenewed =
    (await login.isRenewed(authorization, answer, refusal)) ||
    (ask.method === 'HEAD' && answer.status === 403 && (await isRenewedByGet()))
  if (isRenewed) {
    answer = await send(ask, await login.header())
    if (isExpected(answer)) return answer
    refusal = await refusalOf(answer, where)
  }
  throw refusal.isPassing ? new Passing(refusal.error, refusal.afterMs) : refusal.error
}
