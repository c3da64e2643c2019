/** An answer of the sidecar's own, in the form in which a registry tells its clients of errors. */

import type { ServerResponse } from 'node:http'

/** Codes that registry clients know (distribution-spec, registry/api/errcode). */
export type RefusalCode =
  | 'DENIED'
  | 'DIGEST_INVALID'
  | 'MANIFEST_INVALID'
  | 'NAME_UNKNOWN'
  | 'TOOMANYREQUESTS'
  | 'UNAUTHORIZED'
  | 'UNAVAILABLE'
  | 'UNKNOWN'
  | 'UNSUPPORTED'

export type RefusalOptions = {
  readonly cause?: unknown
  /** More fields of the answer, such as a challenge. */
  readonly fields?: Readonly<Record<string, string>>
}

/**
 * Why a request gets no answer from the registry. docker shows the text of a 4xx to its user, and
 * of a 5xx only the number, so whatever a person can mend is a 4xx.
 */
export class Refusal extends Error {
  readonly status: number
  readonly code: RefusalCode
  readonly fields: Readonly<Record<string, string>>

  constructor(
    status: number,
    code: RefusalCode,
    message: string,
    { cause, fields = {} }: RefusalOptions = {},
  ) {
    super(message, { cause })
    this.name = 'Refusal'
    this.fields = fields
    this.status = status
    this.code = code
  }
}

/** Answers with a refusal. */
export function refuse(response: ServerResponse, refusal: Refusal): void {
  response.writeHead(refusal.status, fieldsOf(refusal)).end(bodyOf(refusal))
}

/** A refusal as bytes for a connection whose request could not even be read; it is the last one. */
export function refusalText(refusal: Refusal, reason: string): string {
  const fields = Object.entries({ ...fieldsOf(refusal), Connection: 'close' })
  const head = [
    `HTTP/1.1 ${refusal.status} ${reason}`,
    ...fields.map(([name, value]) => `${name}: ${value}`),
  ]
  return `${head.join('\r\n')}\r\n\r\n${bodyOf(refusal)}`
}

function fieldsOf(refusal: Refusal) {
  return {
    ...refusal.fields,
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(bodyOf(refusal)),
  }
}

function bodyOf({ code, message }: Refusal): string {
  return `${JSON.stringify({ errors: [{ code, message, detail: null }] })}\n`
}
