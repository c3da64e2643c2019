/** Hosts that are not ours: the own file, another helper by name, or nothing. */

import type { Fallback } from '../domain/config.ts'
import { UserError } from '../domain/errors.ts'
import { loginName } from '../domain/names.ts'
import type { Asked } from '../domain/server-url.ts'
import type { Environment } from '../front/places.ts'
import type { Helper } from '../helper/protocol.ts'
import { allLogins, dropLogin, findLogin, saveLogin } from '../io/logins.ts'

export type FallbackOptions = { readonly env: Environment; readonly signal: AbortSignal }

/** The helper for a host that is not ours. `asked` is that host; `list` is about all of them. */
export function fallbackHelper(
  fallback: Fallback,
  asked: Asked | undefined,
  options: FallbackOptions,
): Helper {
  if (fallback.kind === 'helper') return otherHelper(fallback.name, options)
  return fallback.kind === 'file' ? fileHelper(asked, options.env) : NOTHING
}

const NOTHING: Helper = {
  get: async () => undefined,
  store: async ({ serverUrl }) => {
    throw new UserError(
      'FALLBACK',
      `${serverUrl} is not an ECR registry and "fallback" is "none": its login is not kept; set "fallback" to "file" or to a helper's name`,
    )
  },
  erase: async () => {},
  list: async () => ({}),
}

function fileHelper(asked: Asked | undefined, env: Environment): Helper {
  return {
    get: async (serverUrl) => asked && findLogin(loginName(asked, serverUrl), env),
    store: async ({ serverUrl, username, secret }) => {
      if (!asked)
        throw new UserError('USAGE', 'store: expected a registry, such as ghcr.io, as ServerURL')
      saveLogin({ name: loginName(asked, serverUrl), serverUrl, username, secret }, env)
    },
    erase: async (serverUrl) => {
      if (asked) dropLogin(loginName(asked, serverUrl), env)
    },
    list: async () =>
      Object.fromEntries(allLogins(env).map(({ serverUrl, username }) => [serverUrl, username])),
  }
}

// The one text by which helpers say that they have nothing.
const NOT_FOUND = 'credentials not found in native keychain'

function otherHelper(name: string, options: FallbackOptions): Helper {
  const run = async (verb: string, input: string): Promise<string | undefined> => {
    const { runHelper } = await import('../io/other-helper.ts')
    const outcome = await runHelper([name, verb], input, options)
    const program = `docker-credential-${name}`
    if (!outcome) {
      throw new UserError(
        'FALLBACK',
        `${program}, the "fallback" of the configuration, is not on PATH`,
      )
    }
    if (outcome.exitCode === 0) return outcome.stdout
    const line = outcome.stdout.trim()
    if (line === NOT_FOUND) return undefined
    throw new UserError(
      'FALLBACK',
      `${program} ${verb} failed: ${line || `exit ${outcome.exitCode}`}`,
    )
  }
  return {
    get: async (serverUrl) => {
      const answer = await run('get', serverUrl)
      return answer === undefined ? undefined : toCredential(name, answer)
    },
    store: async ({ serverUrl, username, secret }) => {
      await run(
        'store',
        `${JSON.stringify({ ServerURL: serverUrl, Username: username, Secret: secret })}\n`,
      )
    },
    erase: async (serverUrl) => {
      await run('erase', serverUrl)
    },
    list: async () => toList(await run('list', 'unused')),
  }
}

function toCredential(name: string, answer: string): { username: string; secret: string } {
  const { Username: username, Secret: secret } = parse(answer)
  if (typeof username === 'string' && typeof secret === 'string') return { username, secret }
  throw new UserError(
    'FALLBACK',
    `docker-credential-${name} get answered something that is no credential`,
  )
}

function toList(answer: string | undefined): Record<string, string> {
  const entries = Object.entries(parse(answer ?? ''))
  return Object.fromEntries(
    entries.filter(([, username]) => typeof username === 'string'),
  ) as Record<string, string>
}

function parse(json: string): Readonly<Record<string, unknown>> {
  try {
    return (JSON.parse(json) ?? {}) as Readonly<Record<string, unknown>>
  } catch {
    return {}
  }
}
