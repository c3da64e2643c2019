/** Processes that outlive this one. */

import { spawn } from 'node:child_process'

/** Starts a program in a session of its own that holds nothing of its caller's. */
export function startDetached([program, ...args]: readonly [string, ...string[]]): void {
  const child = spawn(program, args, { detached: true, stdio: 'ignore' })
  // What can't be started is tried again by the next answer.
  child.on('error', () => {})
  child.unref()
}
