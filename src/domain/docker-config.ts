/** Docker's config.json: whom it asks for a registry's credentials, and the logins that it holds. */

import { toBasic } from './basic.ts'
import { readServerUrl } from './names.ts'
import { nameOf } from './server-url.ts'

/** What is read of a file that may hold anything. */
export type DockerConfig = {
  readonly auths?: unknown
  readonly credsStore?: unknown
  readonly credHelpers?: unknown
}

export type Auths = Readonly<Record<string, { readonly auth: string }>>

/** A login as `auths` keeps it. */
export function toAuth(login: Parameters<typeof toBasic>[0]) {
  return { auth: toBasic(login) }
}

/** The key by which a configuration names our helper for a host, if it does. */
export function helperKey(config: DockerConfig, host: string, helper: string): string | undefined {
  const named = helpersOf(config)[host]
  if (named !== undefined) return named === helper ? 'credHelpers' : undefined
  return config.credsStore === helper ? 'credsStore' : undefined
}

/** Whether a configuration keeps a login of its own for a host, however it writes the host. */
export function hasLogin({ auths }: DockerConfig, host: string): boolean {
  return Object.entries(auths ?? {}).some(([key, login]) => {
    const asked = readServerUrl(key)
    return asked && nameOf(asked) === host && Object.values(login ?? {}).some(Boolean)
  })
}

/** The helpers that a configuration names, by host. */
export function helpersOf({ credHelpers }: DockerConfig): Readonly<Record<string, unknown>> {
  return typeof credHelpers === 'object' && credHelpers !== null
    ? (credHelpers as Record<string, unknown>)
    : {}
}
