/** Tests that need more than Node. */

import type { TestContext } from 'vitest'

/** Where something is lacking: a failure in CI, elsewhere a skip that says what it is. */
export function needs(context: TestContext, lack: string | undefined): void {
  if (lack === undefined) return
  if (process.env['CI']) throw new Error(`CI is to have everything: ${lack}`)
  context.skip(lack)
}
