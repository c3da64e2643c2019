/** Asks before something is changed. */

import { UserError } from '../domain/errors.ts'
import type { World } from './command.ts'

/** Whether a person agrees. A UserError where nobody can be asked. */
export async function agrees(
  question: string,
  { ask, stop, stderr }: Pick<World, 'ask' | 'stop' | 'stderr'>,
): Promise<boolean> {
  const answer = await ask(`${question} [y/N] `)
  if (answer === undefined && !stop.aborted) {
    throw new UserError('USAGE', `${question} There is no terminal to ask at; give --yes`)
  }
  if (/^y(es)?$/i.test((answer ?? '').trim())) return true
  stderr('nothing was changed\n')
  return false
}
