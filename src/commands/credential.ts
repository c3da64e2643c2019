/** Docker's verbs: get, store, erase, list, and the renewal that runs behind an answer. */

import { UserError } from '../domain/errors.ts'
import { readServerUrl } from '../domain/names.ts'
import { type Asked, nameOf } from '../domain/server-url.ts'
import { expiryOf, type Token } from '../domain/token.ts'
import { stageOf } from '../front/entry.ts'
import { answer, type Credential, type Helper, type Verb } from '../helper/protocol.ts'
import { loadConfig } from '../io/config.ts'
import { allLogins, dropLogin, findLogin, saveLogin } from '../io/logins.ts'
import { failedLately, holdToken, keepToken, renewToken } from '../tokens/keeper.ts'
import { dropEntries, ownEntries } from '../tokens/store.ts'
import type { Command, World } from './command.ts'
import { fallbackHelper } from './fallback.ts'
import { findTarget, lookUpTarget, readSetting, type Target } from './registries.ts'
import { quietLog, type TokenWorld, toolsFor } from './tokens.ts'

/** Clients wait for a helper without end, so it ends by itself; ten seconds are promised. */
export const DEADLINE_MS = 8500

/** The command of one of Docker's verbs. */
export function credentialCommand(verb: Verb, summary: string, example: string): Command {
  return {
    name: verb,
    group: 'Helper verbs',
    summary,
    example,
    run: (_, world) => runVerb(verb, world),
  }
}

/** `renew HOST`: started behind an answer; says nothing to anyone. */
export const renew: Command = {
  name: 'renew',
  summary: 'Renew the token of a host ahead of its end',
  operands: 'HOST',
  example: 'ecr-cname renew docker.company.com',
  hidden: true,
  run: async ([host = ''], world) => {
    const asked = readServerUrl(host)
    const target = asked && (await targetOf(asked, world))
    if (!target) return 1
    await renewToken(target.wanted, toolsFor(target, world, AbortSignal.timeout(DEADLINE_MS)))
    return 0
  },
}

async function runVerb(verb: Verb, world: World): Promise<number> {
  const input = verb === 'list' ? Buffer.alloc(0) : world.readInput()
  const signal = AbortSignal.timeout(DEADLINE_MS)
  const reply = await answer(helperOf(world, signal), verb, input)
  world.stdout(reply.stdout)
  world.stderr(reply.stderr)
  return reply.exitCode
}

function helperOf(world: World, signal: AbortSignal): Helper {
  const { env } = world
  return {
    get: async (serverUrl) => {
      const asked = readServerUrl(serverUrl)
      if (!asked) return undefined
      const setting = readSetting(asked, env)
      const others = fallbackHelper(setting.config.fallback, asked, { env, signal })
      let target = findTarget(asked, setting)
      if (!target) {
        const login = await others.get(serverUrl)
        if (login) return login
        target = await lookUpTarget(asked, setting)
      }
      return target && (await credentialFor(target, world, signal))
    },
    store: async (login) => {
      const asked = readServerUrl(login.serverUrl)
      const target = asked && (await targetOf(asked, world))
      if (!target) {
        const { fallback } = loadConfig(env)
        return await fallbackHelper(fallback, asked, { env, signal }).store(login)
      }
      const { name } = target.wanted
      if (login.username !== 'AWS') {
        saveLogin({ name, ...login }, env)
        dropEntries(name, env)
        return
      }
      dropLogin(name, env)
      keep(target, { ...login, expiresAt: expiryOf(login.secret) }, world)
    },
    erase: async (serverUrl) => {
      const asked = readServerUrl(serverUrl)
      if (!asked) return
      for (const name of new Set([nameOf(asked), asked.host])) {
        dropEntries(name, env)
      }
      const setting = readSetting(asked, env)
      const target = findTarget(asked, setting)
      if (target) dropLogin(target.wanted.name, env)
      else await fallbackHelper(setting.config.fallback, asked, { env, signal }).erase(serverUrl)
    },
    list: async () => await listAll(world, signal),
  }
}

/** What a host leads to, asking the DNS last; undefined for one that is not ours. */
export async function targetOf(
  asked: Asked,
  { env }: Pick<World, 'env'>,
): Promise<Target | undefined> {
  const setting = readSetting(asked, env)
  return findTarget(asked, setting) ?? (await lookUpTarget(asked, setting))
}

/** The login that was stored for a host, else a token; undefined where it is open to anyone. */
export async function credentialFor(
  target: Target,
  world: TokenWorld,
  signal: AbortSignal,
): Promise<Credential | undefined> {
  const { mapping, wanted } = target
  const { name } = wanted
  quietLog(world)('debug', 'asked', {
    name,
    mapping: mapping.name,
    registry: mapping.registry.host,
  })
  const login = findLogin(name, world.env)
  if (login) return login
  try {
    return await holdToken(wanted, toolsFor(target, world, signal))
  } catch (error) {
    // Anyone may pull from the gallery, so what stands in the way of a token is no failure there.
    const isOpen = mapping.registry.kind === 'public' && !mapping.profile && !mapping.roleArn
    if (isOpen && error instanceof UserError) return undefined
    throw error
  }
}

// A token is kept as a convenience: where it can't be, the next `get` mints one.
function keep(target: Target, token: Token, { env, now }: World): void {
  try {
    keepToken(target.wanted, token, env, now())
  } catch {
    // Nothing is lost.
  }
}

async function listAll({ env, now }: World, signal: AbortSignal): Promise<Record<string, string>> {
  const config = loadConfig(env)
  const others = await fallbackHelper(config.fallback, undefined, { env, signal })
    .list()
    .catch(() => ({}))
  const tokens = ownEntries(env).filter((entry) => stageOf(entry, now()) !== 'dead')
  const kept = new Set(tokens.map(({ name }) => name))
  const logins = allLogins(env).filter(({ name }) => config.mappings.has(name))
  const { expectsCredentials } = await import('../aws/offline.ts')
  for (const mapping of config.mappings.values()) {
    const { name } = mapping
    if (name.startsWith('*.') || kept.has(name) || failedLately(name, env, now())) continue
    if (await expectsCredentials(mapping, env, now())) kept.add(name)
  }
  return {
    ...others,
    ...Object.fromEntries([...kept].map((name) => [name, 'AWS'])),
    ...Object.fromEntries(logins.map(({ name, username }) => [name, username])),
  }
}
