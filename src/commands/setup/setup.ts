/** `setup ENGINE`: shows what changes, asks, changes all of it or nothing, and takes it back. */

import { UserError } from '../../domain/errors.ts'
import { placeOf } from '../../setup/place.ts'
import { pendingOf, type Plan, show } from '../../setup/plan.ts'
import { apply, isSetUp, undo } from '../../setup/record.ts'
import { agrees } from '../agree.ts'
import { readArguments } from '../arguments.ts'
import type { World } from '../command.ts'
import { planFor, type Planned } from './engines.ts'
import { type Engine, ENGINES, setupHelp } from './help.ts'

export async function setup(args: readonly string[], world: World): Promise<number> {
  const { flags, operands } = readArguments(setupHelp, args)
  const [name, ...hosts] = operands
  const engine = ENGINES.find((one) => one === name)
  if (!engine) {
    throw new UserError(
      'USAGE',
      `setup: expected ${ENGINES.join(', ')}, got ${JSON.stringify(name ?? '')}`,
    )
  }
  const place = placeOf(flags.root ?? '/', world.env)
  const folder = place.backupsOf(engine)
  if (flags.undo) return await takeBack(engine, { folder, isAgreed: flags.yes ?? false }, world)
  const planned = await planFor(engine, { place, hosts, world })
  return await change(
    planned,
    { folder, isDryRun: flags['dry-run'] ?? false, isAgreed: flags.yes ?? false },
    world,
  )
}

type How = { readonly folder: string; readonly isDryRun: boolean; readonly isAgreed: boolean }

async function change(
  { plan, afterwards }: Planned,
  { folder, isDryRun, isAgreed }: How,
  world: World,
): Promise<number> {
  const changes = pendingOf(plan)
  world.stdout(show(changes))
  tell(plan, world)
  if (changes.length === 0) {
    world.stderr('all of it is set up already\n')
    return 0
  }
  if (isDryRun) return 0
  const before = show(changes)
  if (!isAgreed && !(await agrees('Make these changes?', world))) return 1
  if (show(pendingOf(plan)) !== before) {
    throw new UserError(
      'FILE',
      'the files have changed in the meantime, and nothing was done; run it again',
    )
  }
  apply(folder, changes)
  afterwards?.()
  world.stderr(`done; what was there is kept in ${folder}, for --undo\n`)
  for (const command of plan.commands) world.stderr(`now run: ${command}\n`)
  return 0
}

function tell({ notes }: Plan, { stderr }: World): void {
  for (const note of notes) stderr(`note: ${note}\n`)
}

async function takeBack(
  engine: Engine,
  { folder, isAgreed }: Omit<How, 'isDryRun'>,
  world: World,
): Promise<number> {
  if (!isSetUp(folder)) {
    world.stderr(`${engine} was not set up from here: nothing to undo\n`)
    return 0
  }
  const question = `Give back what was there before the setup of ${engine}?`
  if (!isAgreed && !(await agrees(question, world))) return 1
  for (const path of undo(folder)) world.stderr(`as before: ${path}\n`)
  return 0
}
