/** The one place where an error becomes a text and a status. */

import { oneLine, UserError } from '../domain/errors.ts'
import type { World } from './command.ts'

/** Acts; a failure that a person can mend is one line, and 1, or 2 for a command used wrongly. */
export async function guarded(act: () => Promise<number>, world: World): Promise<number> {
  try {
    return await act()
  } catch (error) {
    if (!(error instanceof UserError) && !isOfSystem(error)) throw error
    world.stderr(`ecr-cname: ${oneLine(error.message)}\n`)
    return error instanceof UserError && error.code === 'USAGE' ? 2 : 1
  }
}

// What the system refuses and nobody has put better. All else is a fault of ours, and its trace
// tells where.
function isOfSystem(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error
}
