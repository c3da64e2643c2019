/** Docker's credential helper protocol: a verb and its input become a reply. Knows no registry. */

import { UserError } from '../domain/errors.ts'
import { replyOf } from '../front/answer.ts'

export type Credential = {
  readonly username: string
  readonly secret: string
  /** Said on stderr beside the answer. */
  readonly warning?: string
}

export type Login = Omit<Credential, 'warning'> & { readonly serverUrl: string }

/** Where credentials come from and go to. Server URLs are as the client wrote them, trimmed. */
export type Helper = {
  /** `undefined`: not ours, and the client goes on without; a failure throws. */
  readonly get: (serverUrl: string) => Promise<Credential | undefined>
  readonly store: (login: Login) => Promise<void>
  readonly erase: (serverUrl: string) => Promise<void>
  /** Server URL to username. */
  readonly list: () => Promise<Readonly<Record<string, string>>>
}

export type Reply = { readonly exitCode: number; readonly stdout: string; readonly stderr: string }

/** The verbs, and how they are called by people. */
export const VERBS = ['get', 'store', 'erase', 'list'] as const
export type Verb = (typeof VERBS)[number]

// Clients compare these texts whole (docker-credential-helpers, credentials/error.go).
const NOT_FOUND = 'credentials not found in native keychain'
const NO_SERVER_URL = 'no credentials server URL'
const NO_USERNAME = 'no credentials username'
const TOO_LONG = 'the input is longer than 1 MiB'

/** The most that is read from stdin, in bytes; a token has some 5,000. */
export const LONGEST_INPUT = 1024 * 1024

/** Carries out one verb. Input is everything on stdin; `list` has none. */
export async function answer(helper: Helper, verb: Verb, input: Buffer): Promise<Reply> {
  try {
    if (input.length > LONGEST_INPUT) {
      return verb === 'erase' ? accept(`${TOO_LONG}\n`) : refuse(TOO_LONG)
    }
    return await ACTIONS[verb](helper, input.toString('utf8'))
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    return refuse(error.message, `${error.message}\n`)
  }
}

const ACTIONS: Readonly<Record<Verb, (helper: Helper, input: string) => Promise<Reply>>> = {
  get: async (helper, input) => {
    const serverUrl = input.trim()
    if (serverUrl === '') return refuse(NO_SERVER_URL)
    const credential = await helper.get(serverUrl)
    if (!credential) return refuse(NOT_FOUND)
    const stderr = credential.warning ? `${credential.warning}\n` : ''
    return {
      exitCode: 0,
      stdout: replyOf(serverUrl, credential.username, credential.secret),
      stderr,
    }
  },
  store: async (helper, input) => {
    const login = parseLogin(input)
    if (typeof login === 'string') return refuse(login)
    await helper.store(login)
    return accept('')
  },
  // Some clients crash when an erase fails, and the others have nothing to do about it.
  erase: async (helper, input) => {
    const serverUrl = input.trim()
    if (serverUrl === '') return accept(`${NO_SERVER_URL}\n`)
    await helper.erase(serverUrl).catch(ignoreUserError)
    return accept('')
  },
  list: async (helper) => accept(`${JSON.stringify(await helper.list())}\n`),
}

function parseLogin(input: string): Login | string {
  let given: Readonly<Record<string, unknown>> | null
  try {
    given = JSON.parse(input) as Readonly<Record<string, unknown>> | null
  } catch {
    return 'store: expected {"ServerURL":"…","Username":"…","Secret":"…"} on stdin, got no JSON'
  }
  const [serverUrl, username, secret] = ['ServerURL', 'Username', 'Secret'].map(
    (key) => given?.[key],
  )
  if (typeof serverUrl !== 'string' || serverUrl.trim() === '') return NO_SERVER_URL
  if (typeof username !== 'string' || username === '') return NO_USERNAME
  if (typeof secret !== 'string') return 'store: expected a text as Secret'
  return { serverUrl: serverUrl.trim(), username, secret }
}

function ignoreUserError(error: unknown): void {
  if (!(error instanceof UserError)) throw error
}

function accept(stdout: string): Reply {
  return { exitCode: 0, stdout, stderr: '' }
}

function refuse(line: string, stderr = ''): Reply {
  return { exitCode: 1, stdout: `${line}\n`, stderr }
}
