/** What a setup is asked for, and what it plans. */

import { findProgram, runProgram, withoutSecrets } from '../../io/programs.ts'
import type { Place } from '../../setup/place.ts'
import type { Plan } from '../../setup/plan.ts'
import type { Flags } from '../arguments.ts'
import type { World } from '../command.ts'
import type { setupHelp } from './help.ts'

/** A plan, and what is done beside files once it has been carried out. */
export type Planned = { readonly plan: Plan; readonly afterwards?: () => void }

export type Setting = {
  readonly place: Place
  /** As they were named; none for all of the configuration. */
  readonly hosts: readonly string[]
  readonly flags: Flags<(typeof setupHelp)['options']>
  readonly world: World
}

const VERSION_MS = 5_000

/** What a program that is installed here says of its version; "" where it can't be asked. */
export async function versionOf(name: string, { place, world }: Setting): Promise<string> {
  const program = place.isHere ? findProgram(name, world.env) : undefined
  if (!program) return ''
  const signal = AbortSignal.timeout(VERSION_MS)
  const env = withoutSecrets(world.env)
  const ended = await runProgram(program, ['--version'], { env, signal })
  return ended?.stdout ?? ''
}
