/** Bcrypt in a process of its own: slow by intent, it would hold up all that goes on beside it. */

import { type ChildProcess, spawn } from 'node:child_process'
import { constants, setPriority } from 'node:os'

/** Whether a hash is that of a password. */
export type CheckPassword = (password: string, hash: string) => Promise<boolean>

/** What the process is asked, and what it answers. */
export type PasswordQuestion = {
  readonly id: number
  readonly password: string
  readonly hash: string
}
export type PasswordAnswer = { readonly id: number; readonly isRight: boolean }

export type CheckerOptions = {
  /** What starts the process. */
  readonly command: readonly [string, ...string[]]
  readonly env: Readonly<Record<string, string | undefined>>
  /** Acts later; the result calls that off. */
  readonly after: (ms: number, act: () => void) => () => void
}

/** Checks passwords in a process that is there while there is something to check. */
export function createChecker(options: CheckerOptions): CheckPassword {
  let checker: CheckPassword | undefined
  const start = () => {
    const started = startChecker(options, () => {
      if (checker === started) checker = undefined
    })
    return started
  }
  return async (password, hash) => {
    checker ??= start()
    return await checker(password, hash)
  }
}

const IDLE_MS = 60_000

function startChecker({ command, env, after }: CheckerOptions, ended: () => void): CheckPassword {
  const [program, ...args] = command
  const child = spawn(program, args, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    // Keys to AWS are none of its business.
    env: { SystemRoot: env['SystemRoot'], ECR_CNAME_CACHE: 'off' },
  })
  letBe(child)
  const asked = new Map<number, PromiseWithResolvers<boolean>>()
  let questions = 0
  let callOff: (() => void) | undefined
  const end = (cause?: unknown) => {
    ended()
    callOff?.()
    const error = new Error('the process that checks passwords has ended', { cause })
    asked.forEach(({ reject }) => reject(error))
  }
  child.once('error', end)
  child.once('exit', () => end())
  child.on('message', ({ id, isRight }: PasswordAnswer) => {
    asked.get(id)?.resolve(isRight)
    asked.delete(id)
    if (asked.size > 0) return
    callOff = after(IDLE_MS, () => {
      ended()
      child.disconnect()
    })
  })
  return async (password, hash) => {
    callOff?.()
    const id = ++questions
    const answer = Promise.withResolvers<boolean>()
    asked.set(id, answer)
    child.send({ id, password, hash } satisfies PasswordQuestion, () => {})
    return await answer.promise
  }
}

// Requests go before it, and it holds nobody who wants to end.
function letBe(child: ChildProcess): void {
  child.unref()
  child.channel?.unref()
  if (child.pid === undefined) return
  try {
    setPriority(child.pid, constants.priority.PRIORITY_BELOW_NORMAL)
  } catch {
    // Then it runs as all others do.
  }
}
