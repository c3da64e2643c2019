/** One at a time, among all processes: by a lock file, as for the renewal of a token. */

import { setTimeout as sleep } from 'node:timers/promises'
import { UserError } from '../domain/errors.ts'
import { endTurn, takeTurn } from '../front/turn.ts'

const PAUSE_MS = 20

/**
 * Acts while nobody else has the lock, and gives it back. One whose holder was killed is taken
 * over. Throws what node:fs throws where no lock can be made, and a UserError where none is to be
 * had for so long.
 */
export async function locked<T>(
  lock: string,
  now: () => number,
  act: () => Promise<T>,
  longestMs = Infinity,
): Promise<T> {
  const began = now()
  while (!takeTurn(lock, now())) {
    if (now() - began > longestMs) {
      throw new UserError('FILE', `${lock} has been in the way for too long; remove it`)
    }
    await sleep(PAUSE_MS)
  }
  try {
    return await act()
  } finally {
    endTurn(lock)
  }
}
