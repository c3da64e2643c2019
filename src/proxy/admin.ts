/** What the admin address answers. */

import type { RequestListener } from 'node:http'
import { answerHealth } from './exchange.ts'
import { refuse, Refusal } from './refusal.ts'
import { HEALTH } from './route.ts'
import { answerStatusPage, type StatusPageOptions } from './status-page.ts'

/** Answers those who run the sidecar, not its clients. */
export function createAdmin(page: StatusPageOptions): RequestListener {
  return (request, response) => {
    const path = request.url?.split('?')[0]
    if (path === HEALTH) answerHealth(response)
    else if (path === '/') answerStatusPage(page, request, response)
    else refuse(response, new Refusal(404, 'UNSUPPORTED', `only / and ${HEALTH} are served here`))
  }
}
