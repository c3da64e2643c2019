/** Reads from the next registry where one fails. */

import type { ServerResponse } from 'node:http'
import type { Mapping } from '../domain/mapping.ts'
import type { Observed } from './access.ts'
import { Refusal } from './refusal.ts'
import type { Reply } from './upstream.ts'

/** An answer, and where it is from. */
export type Answered = { readonly reply: Reply; readonly site: Mapping }

export type AskInTurn = {
  readonly ask: (site: Mapping) => Promise<Reply>
  readonly client: ServerResponse
  readonly observed: Observed
}

/**
 * The answer of the first registry; where that can't be asked, or fails, the one of the next that
 * has what is asked for. Where none has, the first's failure is told: an image that a replica
 * lacks may well be there.
 */
export async function askInTurn(
  [first, ...replicas]: readonly Mapping[],
  { ask, client, observed }: AskInTurn,
): Promise<Answered> {
  if (replicas.length === 0) return { reply: await ask(first!), site: first! }
  const outcome = await attempt(first!, ask)
  if (statusOf(outcome) < 500 && !(outcome instanceof Refusal)) {
    return { reply: outcome, site: first! }
  }
  for (const site of replicas) {
    if (client.destroyed) break
    const reply = await attempt(site, ask)
    if (statusOf(reply) < 400 && !(reply instanceof Refusal)) {
      discard(outcome)
      observed.failed(errorOf(outcome, first!))
      observed.by(site.registry.host)
      return { reply, site }
    }
    discard(reply)
  }
  if (outcome instanceof Refusal) throw outcome
  return { reply: outcome, site: first! }
}

type Outcome = Reply | Refusal

function statusOf(outcome: Outcome): number {
  return outcome instanceof Refusal ? outcome.status : (outcome.statusCode ?? 0)
}

async function attempt(site: Mapping, ask: AskInTurn['ask']): Promise<Outcome> {
  try {
    return await ask(site)
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
}

function errorOf(outcome: Outcome, { registry }: Mapping): Error {
  if (outcome instanceof Refusal) return outcome
  return new Error(`${registry.host} answered ${outcome.statusCode}`)
}

function discard(outcome: Outcome): void {
  if (outcome instanceof Refusal) return
  outcome.on('error', () => {})
  outcome.resume()
}
