/** One authorised request to a registry, and how registries answer. */

import type { Hash } from 'node:crypto'
import type { ServerResponse } from 'node:http'

import type { RegistryId, Repository } from '../content.ts'
import type { Emulation } from '../emulation.ts'
import { type Exchange, Refusal, send } from '../exchange.ts'

/** An upload that is under way; it does not outlive the emulator. */
export type Upload = {
  readonly file: string
  hash: Hash
  size: number
  /** The sizes of what came so far, a request each. */
  readonly parts: number[]
}

export type Visit = {
  readonly emulation: Emulation
  readonly exchange: Exchange
  readonly registry: RegistryId
  /** Scheme, host and, if the settings want it, port: what Location and Link start with. */
  readonly origin: string
  /** Repository and reference or upload, as far as the path names them. */
  readonly name: string
  readonly reference: string
  /** Of the whole endpoint, by registry, repository and id. */
  readonly uploads: Map<string, Upload>
}

/** Headers of every answer of a registry. */
export const REGISTRY_HEADERS = { 'Docker-Distribution-Api-Version': 'registry/2.0' }

const DIGEST = /^sha256:[0-9a-f]{64}$/
const TAG = /^\w[\w.-]{0,127}$/

/** The repository of the path; a missing one is refused. */
export async function repositoryOf(visit: Visit, name = visit.name): Promise<Repository> {
  const repository = await visit.emulation.content.repository(visit.registry, name)
  if (repository) return repository
  throw new Refusal(
    404,
    'NAME_UNKNOWN',
    `The repository with name '${name}' does not exist in the registry with id '${visit.registry.account}'`,
  )
}

export function isDigest(text: string): boolean {
  return DIGEST.test(text)
}

export function isTag(text: string): boolean {
  return TAG.test(text)
}

/** An answer without a body. */
export function sendEmpty(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>> = {},
): void {
  send(response, status, { ...REGISTRY_HEADERS, ...headers })
}

/** What the Go server behind ECR says to a path or a method that it does not know. */
export function sendNotFound({ response }: Exchange): void {
  send(response, 404, { 'Content-Type': 'text/plain; charset=utf-8' }, '404 page not found\n')
}
