/** What the admin address answers. */

import type { RequestListener } from 'node:http'
import { answerHealth } from './exchange.ts'
import { refuse, Refusal } from './refusal.ts'
import { HEALTH } from './route.ts'

/** Answers those who run the sidecar, not its clients. */
export function createAdmin(): RequestListener {
  return ({ url = '' }, response) => {
    if (url.split('?')[0] === HEALTH) answerHealth(response)
    else refuse(response, new Refusal(404, 'UNSUPPORTED', `only ${HEALTH} is served here`))
  }
}
