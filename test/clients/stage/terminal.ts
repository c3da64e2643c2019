/** A person at a terminal, who is shown what is to be changed and types an answer. */
import type { User } from './user.ts'
import type { Finished } from './world.ts'

/** Runs a command at a terminal, by `script` of util-linux; how it ended. */
export async function answer(user: User, command: string, text: string): Promise<Finished> {
  const words = [
    'script',
    '--quiet',
    '--return',
    '--echo',
    'never',
    '--command',
    command,
    '/dev/null',
  ]
  return await user.run(words, { stdin: `${text}\n` })
}
