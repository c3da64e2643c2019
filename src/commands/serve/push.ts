/** Rules for pushes: which hold for which name, and the programs and AWS behind them. */

import type { Config } from '../../domain/config.ts'
import { UserError } from '../../domain/errors.ts'
import { type PushRules, rulesFor } from '../../domain/push-rules.ts'
import { createHooks, hookTrouble } from '../../io/hook.ts'
import { openLabels } from '../../io/labels.ts'
import type { Pushes } from '../../proxy/push.ts'
import { createRepositories } from '../../proxy/repositories.ts'
import type { World } from '../command.ts'
import type { Log } from '../log.ts'
import type { ServeSettings } from './settings.ts'

const HOOK_SECONDS = 10
const CREATE_MS = 20_000

/** The rules of each name that has some. A UserError tells of those that can't be kept. */
export function readPushes(
  { proxy }: Config,
  { mappings, inject }: Pick<ServeSettings, 'mappings' | 'inject'>,
): ReadonlyMap<string, PushRules> {
  const all = [...mappings.values()].flatMap(({ name, push }) => {
    const rules = rulesFor(proxy.push, push)
    return rules ? [[name, rules] as const] : []
  })
  for (const [name, { createRepository }] of all) {
    if (createRepository && !inject) {
      throw new UserError('SERVE', `"createRepository" of "push" for ${name}: ${NO_IDENTITY}`)
    }
  }
  return new Map(all)
}

const NO_IDENTITY =
  'with passthrough the sidecar has no AWS identity to create one with; add --auth inject, or leave it out'

/** What enforces rules, to be given those that hold at a time. */
export function createPushes({ env, now }: Pick<World, 'env' | 'now'>, log: Log) {
  const hooks = createHooks(env)
  const labels = openLabels(env)
  const repositories = createRepositories(now)
  // Pulls need no hook, so they are served all the same.
  const tellOfHooks = (rules: ReadonlyMap<string, PushRules>) => {
    for (const [name, { hook = [] }] of rules) {
      const error = hook.length > 0 && hookTrouble(hook)
      if (error) log('error', 'pushes are refused until their hook can be run', { name, error })
    }
  }
  const pushesBy = (rules: ReadonlyMap<string, PushRules>): Pushes => ({
    rulesFor: ({ name }) => rules.get(name),
    labels,
    repositories,
    async askHook({ hook = [], hookTimeout = HOOK_SECONDS }, question) {
      const asked = { command: hook, timeoutMs: hookTimeout * 1000 }
      const { reason, stderr } = await hooks.ask(asked, JSON.stringify(question))
      if (stderr !== '') log('warn', 'a hook wrote to stderr', { hook: hook[0], stderr })
      return reason
    },
    async createRepository(mapping, repository, settings) {
      const { ensureRepository } = await import('../../aws/repositories.ts')
      const { registry } = mapping
      const signal = AbortSignal.timeout(CREATE_MS)
      const wanted = { registry, principal: mapping, repository, settings }
      if (await ensureRepository(wanted, { env, signal })) {
        log('info', 'a repository was created', { registry: registry.host, repository })
      }
    },
  })
  const take = (rules: ReadonlyMap<string, PushRules>) => {
    tellOfHooks(rules)
    return pushesBy(rules)
  }
  return { take, close: hooks.close }
}
