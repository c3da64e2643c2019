/** Reads from the next registry where one fails. */

import type { ServerResponse } from 'node:http'
import type { Mapping } from '../domain/mapping.ts'
import type { Observed } from './access.ts'
import { Refusal } from './refusal.ts'
import type { Reply } from './upstream.ts'

/** An answer, and where it is from. */
export type Answered = { readonly reply: Reply; readonly site: Mapping }

/** Which registries could not be connected to lately. */
export type Outages = {
  /** What comes of asking a registry, remembered where there was no connection to it. */
  readonly noted: <T>(site: Mapping, asked: Promise<T>) => Promise<T>
  /** Why a registry could not be connected to a moment ago, unless it could since. */
  readonly lately: (site: Mapping) => Refusal | undefined
}

// For so long the wait for a connection is spared to those who can be answered from elsewhere.
const OUTAGE_MS = 10_000
const UNCONNECTED =
  /^(ENOTFOUND|EAI_\w+|ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|EADDRNOTAVAIL)$/

/** Remembers nothing yet. */
export function createOutages(now: () => number): Outages {
  const known = new Map<string, { readonly refusal: Refusal; readonly until: number }>()
  return {
    async noted(site, asked) {
      try {
        const reply = await asked
        known.delete(keyOf(site))
        return reply
      } catch (error) {
        if (error instanceof Refusal && isUnconnected(error)) {
          known.set(keyOf(site), { refusal: error, until: now() + OUTAGE_MS })
        }
        throw error
      }
    },
    lately(site) {
      const outage = known.get(keyOf(site))
      return outage && now() < outage.until ? outage.refusal : undefined
    },
  }
}

function isUnconnected({ cause }: Refusal): boolean {
  return UNCONNECTED.test((cause as NodeJS.ErrnoException | undefined)?.code ?? '')
}

function keyOf({ registry, connect }: Mapping): string {
  return `${registry.host} ${connect?.host ?? ''} ${connect?.port ?? ''}`
}

export type AskInTurn = {
  readonly ask: (site: Mapping) => Promise<Reply>
  readonly outages: Outages
  readonly client: ServerResponse
  readonly observed: Observed
}

/**
 * The answer of the first registry; where that can't be asked, or fails, the one of the next that
 * has what is asked for. Where none has, the first's failure is told: an image that a replica
 * lacks may well be there. Those that could not be connected to lately are asked after the others.
 */
export async function askInTurn(
  sites: readonly [Mapping, ...Mapping[]],
  { ask, outages, client, observed }: AskInTurn,
): Promise<Answered> {
  const [first] = sites
  if (sites.length === 1) return { reply: await ask(first), site: first }
  let failure: Outcome | undefined = outages.lately(first)
  const isOut = (site: Mapping) => Number(outages.lately(site) !== undefined)
  for (const site of sites.toSorted((one, other) => isOut(one) - isOut(other))) {
    if (failure && client.destroyed) break
    const outcome = await attempt(site, ask)
    const isFirst = site === first
    const failsFrom = isFirst ? 500 : 400
    if (!(outcome instanceof Refusal) && (outcome.statusCode ?? 0) < failsFrom) {
      if (!isFirst && failure) {
        discard(failure)
        observed.failed(errorOf(failure, first))
        observed.by(site.registry.host)
      }
      return { reply: outcome, site }
    }
    if (isFirst) failure = outcome
    else discard(outcome)
  }
  if (failure instanceof Refusal) throw failure
  return { reply: failure!, site: first }
}

type Outcome = Reply | Refusal

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
