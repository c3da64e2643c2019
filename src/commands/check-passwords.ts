/** `check-passwords`: what a sidecar starts so that bcrypt does not hold up its requests. */

import { compareSync } from 'bcryptjs'
import { UserError } from '../domain/errors.ts'
import type { PasswordAnswer, PasswordQuestion } from '../io/passwords.ts'
import type { World } from './command.ts'

/** Answers until the process that asks has gone. */
export async function checkPasswords({ parent, stop, onHangup }: World): Promise<number> {
  if (!parent) throw new UserError('USAGE', 'check-passwords: it is started by ecr-cname serve')
  parent.onMessage((message) => {
    const { id, password, hash } = message as PasswordQuestion
    parent.send({ id, isRight: compareSync(password, hash) } satisfies PasswordAnswer)
  })
  // A signal to all of the group is for the sidecar, which has requests to finish.
  void stop
  onHangup(() => {})
  await parent.gone
  return 0
}
