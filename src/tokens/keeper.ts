/** A token for a name: from the store while it holds, else from the one process that mints. */

import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { UserError, type UserErrorCode } from '../domain/errors.ts'
import type { Registry } from '../domain/registry.ts'
import type { Token } from '../domain/token.ts'
import {
  type Entry,
  LONGEST_LIFE,
  readEntry,
  type Stage,
  stageOf,
  tokenFile,
} from '../front/entry.ts'
import { isOff } from '../front/answer.ts'
import { type Failure, failureFile, failureSince, RETRY_AFTER } from '../front/failure.ts'
import { identityOf } from '../front/identity.ts'
import { type Environment, storeFolder } from '../front/places.ts'
import { endTurn, takeTurn, turnOf } from '../front/turn.ts'
import { replaceFile } from '../io/files.ts'
import { openStore, saveEntry } from './store.ts'

/** What a token is wanted for. */
export type Wanted = {
  /** The name it is kept under: `host`, or `host:port` where a mapping names the port. */
  readonly name: string
  /** Taken before the configuration was read, so that an edit in between can't mix two. */
  readonly identity: string
  readonly registry: Registry
  readonly anyPort: boolean
  /** The share of its life after which it is renewed, in (0, 1]. */
  readonly refreshAfter: number
}

/** What the keeper is given to work with. */
export type Tools = {
  readonly env: Environment
  readonly now: () => number
  /** Asks AWS for a new token; throws a UserError. */
  readonly mint: () => Promise<Token>
  /** Starts a process that renews the token in a file behind the answer. */
  readonly renewLater: (tokenFile: string) => Promise<void>
  /** Told why a token that was minted could not be kept. */
  readonly unkept: (error: unknown) => void
  /** Aborted when the caller must have its answer. */
  readonly signal: AbortSignal
}

/** A token, and what is to be said about it on stderr. */
export type Held = Pick<Entry, 'username' | 'secret' | 'mintedAt' | 'refreshAt' | 'expiresAt'> & {
  readonly warning?: string
}

const POLL_MS = 15

/** The token for a name. Throws the UserError of the mint where there is none that holds. */
export async function holdToken(wanted: Wanted, tools: Tools): Promise<Held> {
  const { env, now } = tools
  if (isOff(env)) return await mintEntry(wanted, tools)
  const path = fileOf(wanted, env)
  const kept = read(path, wanted)
  const stage = kept ? stageOf(kept, now()) : 'dead'
  if (!kept || stage === 'dead') return await renew(path, wanted, tools, ['fresh', 'aging'])
  if (stage === 'fresh') return kept
  if (stage === 'aging') {
    await tools.renewLater(path)
    return kept
  }
  try {
    const failure = failureSince(path, now() - RETRY_AFTER)
    if (failure) throw toError(failure)
    return await renew(path, wanted, tools, ['fresh', 'aging'])
  } catch (error) {
    if (!(error instanceof UserError) || stageOf(kept, now()) === 'dead') throw error
    return { ...kept, warning: `the token ends soon and was not renewed: ${error.message}` }
  }
}

/** Renews the token of a name ahead of its end, unless it is fresh or another process is at it. */
export async function renewToken(wanted: Wanted, tools: Tools): Promise<Held> {
  if (isOff(tools.env)) return await mintEntry(wanted, tools)
  return await renew(fileOf(wanted, tools.env), wanted, tools, ['fresh'])
}

/** Drops a token that the registry refused, unless another has taken its place. */
export function dropToken(wanted: Wanted, secret: string, env: Environment): void {
  const path = fileOf(wanted, env)
  if (read(path, wanted)?.secret === secret) attempt(() => rmSync(path, { force: true }))
}

/** Keeps a token that was minted elsewhere, as `docker login` does. */
export function keepToken(wanted: Wanted, token: Token, env: Environment, now: number): void {
  if (isOff(env)) return
  const path = fileOf(wanted, env)
  // `docker login` gives back what it was given; its age is known, and stays.
  if (read(path, wanted)?.secret === token.secret) return
  openStore(env)
  saveEntry(path, toEntry(wanted, token, now), env, now)
}

/** Whether the last mint for a name failed a moment ago. */
export function failedLately(name: string, env: Environment, now: number): boolean {
  const path = tokenFile(storeFolder(env), name, identityOf(name, env))
  return failureSince(path, now - RETRY_AFTER) !== undefined
}

async function renew(
  path: string,
  wanted: Wanted,
  tools: Tools,
  enough: readonly Stage[],
): Promise<Entry> {
  const { env, now, signal } = tools
  const began = now()
  for (;;) {
    const release = turn(path, env, now())
    if (release) {
      try {
        return enoughOf(path, wanted, tools, enough) ?? (await mintAndSave(path, wanted, tools))
      } finally {
        release()
      }
    }
    await sleep(POLL_MS)
    const minted = enoughOf(path, wanted, tools, enough)
    if (minted) return minted
    const failure = failureSince(path, began)
    if (failure) throw toError(failure)
    if (signal.aborted) {
      throw new UserError(
        'TIMEOUT',
        `${wanted.name}: waited too long for another process to mint; try again`,
      )
    }
  }
}

// Where no lock can be made, no token can be kept either: every process mints for itself.
function turn(path: string, env: Environment, now: number): (() => void) | undefined {
  try {
    openStore(env)
    return takeTurn(turnOf(path), now) ? () => endTurn(turnOf(path)) : undefined
  } catch {
    return () => {}
  }
}

function enoughOf(
  path: string,
  wanted: Wanted,
  { now }: Tools,
  enough: readonly Stage[],
): Entry | undefined {
  const entry = read(path, wanted)
  return entry && enough.includes(stageOf(entry, now())) ? entry : undefined
}

async function mintAndSave(path: string, wanted: Wanted, tools: Tools): Promise<Entry> {
  try {
    const entry = await mintEntry(wanted, tools)
    attempt(() => {
      saveEntry(path, entry, tools.env, tools.now())
      rmSync(failureFile(path), { force: true })
    }, tools.unkept)
    return entry
  } catch (error) {
    if (error instanceof UserError && !isStopped(tools)) noteFailure(path, error, tools.now())
    throw error
  }
}

async function mintEntry(wanted: Wanted, { now, mint }: Tools): Promise<Entry> {
  return toEntry(wanted, await mint(), now())
}

/** The entry that a token becomes. */
export function toEntry(wanted: Wanted, token: Token, now: number): Entry {
  const expiresAt = Math.min(token.expiresAt ?? Infinity, now + LONGEST_LIFE)
  return {
    v: 1,
    name: wanted.name,
    identity: wanted.identity,
    registry: wanted.registry.host,
    username: token.username,
    secret: token.secret,
    mintedAt: now,
    refreshAt: now + (expiresAt - now) * wanted.refreshAfter,
    expiresAt,
    anyPort: wanted.anyPort,
  }
}

function fileOf({ name, identity }: Wanted, env: Environment): string {
  return tokenFile(storeFolder(env), name, identity)
}

function read(path: string, { name, identity }: Wanted): Entry | undefined {
  return readEntry(path, name, identity)
}

// By whoever waited here, not by its deadline: those who wait elsewhere may still mint.
function isStopped({ signal: { aborted, reason } }: Tools): boolean {
  return aborted && (reason as Error | undefined)?.name !== 'TimeoutError'
}

// Those who waited for the mint learn here why it failed, instead of failing one after the other.
function noteFailure(path: string, { code, message }: UserError, now: number): void {
  const failure: Failure = { at: now, code, message }
  attempt(() => replaceFile(failureFile(path), JSON.stringify(failure)))
}

function toError({ code, message }: Failure): UserError {
  return new UserError(code as UserErrorCode, message)
}

// A full or read-only disk costs a mint, never an answer.
function attempt(act: () => void, failed: (error: unknown) => void = () => {}): void {
  try {
    act()
  } catch (error) {
    failed(error)
  }
}
