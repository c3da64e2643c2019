/** The renewal that runs behind an answer: started, handed its turn, and left alone. */

import { spawn } from 'node:child_process'
import { failureSince, RETRY_AFTER } from './failure.ts'
import { endTurn, passTurn, takeTurn, turnOf } from './turn.ts'

/**
 * Starts a program that renews the token in a file, unless one is at it or has failed just now.
 * It is in a session of its own and holds nothing of the caller's.
 */
export function renewBehind(
  program: string,
  args: readonly string[],
  tokenFile: string,
  now: number,
): void {
  if (failureSince(tokenFile, now - RETRY_AFTER) !== undefined) return
  const turn = turnOf(tokenFile)
  if (!takeTurn(turn, now)) return
  const child = spawn(program, [...args], { detached: true, stdio: 'ignore' })
  child.on('error', () => {
    endTurn(turn)
  })
  child.unref()
  passTurn(turn, child.pid, now)
}
