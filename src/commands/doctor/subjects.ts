/** The names that are examined, and what stands behind them. */

import { UserError } from '../../domain/errors.ts'
import { readServerUrl } from '../../domain/names.ts'
import { type Asked, nameOf } from '../../domain/server-url.ts'
import type { Rule, Subject } from '../../doctor/scene.ts'
import { loadConfig } from '../../io/config.ts'
import { findLogin } from '../../io/logins.ts'
import type { Environment } from '../command.ts'
import { findTarget, lookUpTarget, readSetting, type Setting, type Target } from '../registries.ts'

export type Wish = { readonly env: Environment; readonly isOffline: boolean }

/** The one that was named, else all that have a plain name in the configuration. */
export async function subjectsOf(given: string | undefined, wish: Wish): Promise<Subject[]> {
  if (given !== undefined) return [await toSubject(given, wish)]
  try {
    const names = [...loadConfig(wish.env).mappings.keys()].filter((name) => !name.startsWith('*.'))
    return await Promise.all(names.map((name) => toSubject(name, wish)))
  } catch (error) {
    // Which the link of the configuration tells.
    if (error instanceof UserError) return []
    throw error
  }
}

async function toSubject(text: string, { env, isOffline }: Wish): Promise<Subject> {
  const asked = readServerUrl(text)
  if (!asked) {
    throw new UserError('USAGE', `${text}: expected a host or an image, such as docker.company.com`)
  }
  const repository = repositoryIn(text)
  const subject = { host: nameOf(asked), asked, ...(repository !== undefined && { repository }) }
  try {
    const setting = readSetting(asked, env)
    const found = await find(asked, setting, isOffline)
    if (!found) return subject
    const { mapping, wanted } = found.target
    const login = findLogin(wanted.name, env)
    return { ...subject, mapping, rule: found.rule, ...(login && { login }) }
  } catch (error) {
    if (error instanceof UserError) return { ...subject, failure: error }
    throw error
  }
}

type Found = { readonly target: Target; readonly rule: Rule }

async function find(
  asked: Asked,
  setting: Setting,
  isOffline: boolean,
): Promise<Found | undefined> {
  const target = findTarget(asked, setting)
  if (target) {
    const { name } = target.mapping
    if (!setting.config.mappings.has(name)) return { target, rule: 'ecr' }
    return { target, rule: name.startsWith('*.') ? 'wildcard' : 'exact' }
  }
  const led = isOffline ? undefined : await lookUpTarget(asked, setting)
  return led && { target: led, rule: 'dns' }
}

/** Of an image, the repository, without tag and digest. */
function repositoryIn(text: string): string | undefined {
  const [, path = ''] = /^(?:[a-z]+:\/\/)?[^/]+\/(.*)$/i.exec(text.trim()) ?? []
  const repository = path
    .replace(/@.*$/, '')
    .replace(/:[^/]*$/, '')
    .replace(/\/+$/, '')
  return repository === '' || /^v[12]$/.test(repository) ? undefined : repository
}
