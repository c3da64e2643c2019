/** `setup ENGINE`: shows what changes, asks, changes all of it or nothing, and takes it back. */

import { UserError } from '../../domain/errors.ts'
import { backupsOf, ownConfig, type Place, placeOf, SYSTEM_CONFIG } from '../../setup/place.ts'
import { contentOf, pendingOf, type Plan, show } from '../../setup/plan.ts'
import { apply, isSetUp, undo } from '../../setup/record.ts'
import { agrees } from '../agree.ts'
import { readArguments } from '../arguments.ts'
import type { World } from '../command.ts'
import { planFor } from './engines.ts'
import { type Engine, ENGINES, setupHelp } from './help.ts'
import type { Planned, Setting } from './setting.ts'

/** Engines that are a system's, never a user's. */
const SYSTEMS: readonly Engine[] = ['containerd', 'kubelet', 'dcos']

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
  requireOwn(flags, engine)
  const place = placeOf(flags.root ?? '/', world.env)
  const isSystems = SYSTEMS.includes(engine) && flags.marathon === undefined
  const folder = backupsOf(engine, isSystems, place)
  const asRoot = isSystems && !place.isForAll ? rootCommand(args, place, world) : undefined
  const how = { folder, isDryRun: flags['dry-run'] ?? false, isAgreed: flags.yes ?? false, asRoot }
  if (flags.undo) return await takeBack(engine, how, world)
  return await change(await planned(engine, { place, hosts, flags, world }, folder), how, world)
}

// Who has broken a file since an earlier setup is told where the file of before is.
async function planned(engine: Engine, setting: Setting, folder: string): Promise<Planned> {
  try {
    return await planFor(engine, setting)
  } catch (error) {
    if (!(error instanceof UserError) || !isSetUp(folder)) throw error
    const message = `${error.message}; what was there before the setup is in ${folder}`
    throw new UserError(error.code, message, { cause: error })
  }
}

type How = {
  readonly folder: string
  readonly isDryRun: boolean
  readonly isAgreed: boolean
  /** How root runs it, where it takes root and we are not. */
  readonly asRoot: string | undefined
}

async function change({ plan, afterwards }: Planned, how: How, world: World): Promise<number> {
  const { folder, isDryRun, isAgreed, asRoot } = how
  const changes = pendingOf(plan)
  const shown = show(changes)
  world.stdout(shown)
  tell(plan, world)
  if (changes.length === 0) {
    world.stderr('all of it is set up already\n')
    return 0
  }
  if (isDryRun) return 0
  if (asRoot !== undefined) {
    world.stderr(`this takes root, and nothing was changed; run: ${asRoot}\n`)
    return 1
  }
  if (!isAgreed && !(await agrees('Make these changes?', world))) return 1
  if (show(pendingOf(plan)) !== shown) {
    throw new UserError(
      'FILE',
      'the files have changed in the meantime, and nothing was done; run it again',
    )
  }
  apply(folder, changes, plan.restart)
  afterwards?.()
  world.stderr(`done; what was there is kept in ${folder}, for --undo\n`)
  const { commands, restart } = plan
  for (const command of restart === undefined ? commands : [...commands, restart]) {
    world.stderr(`now run: ${command}\n`)
  }
  return 0
}

function tell({ notes }: Plan, { stderr }: World): void {
  for (const note of notes) stderr(`note: ${note}\n`)
}

async function takeBack(
  engine: Engine,
  { folder, isAgreed, asRoot }: How,
  world: World,
): Promise<number> {
  if (asRoot !== undefined) {
    world.stderr(`this takes root, and nothing was changed; run: ${asRoot}\n`)
    return 1
  }
  if (!isSetUp(folder)) {
    world.stderr(`${engine} was not set up from here: nothing to undo\n`)
    return 0
  }
  const question = `Give back what was there before the setup of ${engine}?`
  if (!isAgreed && !(await agrees(question, world))) return 1
  const { paths, restart } = undo(folder)
  for (const path of paths) world.stderr(`as before: ${path}\n`)
  if (restart !== undefined) world.stderr(`now run: ${restart}\n`)
  return 0
}

// sudo gives root another home, and so another configuration.
function rootCommand(args: readonly string[], place: Place, { self }: World): string {
  const own = ownConfig(place)
  const isOwn = own !== SYSTEM_CONFIG && contentOf(own) !== undefined
  const map = place.env['ECR_CNAME_MAP']
  const variables = [
    ...(isOwn ? [`ECR_CNAME_CONFIG=${own}`] : []),
    ...(map ? [`ECR_CNAME_MAP=${map}`] : []),
  ]
  const prefix = variables.length > 0 ? ['env', ...variables] : []
  return ['sudo', ...prefix, ...self, 'setup', ...args].join(' ')
}

type Given = Readonly<Partial<Record<'pod-roles' | 'marathon' | 'image', unknown>>>

function requireOwn(flags: Given, engine: Engine): void {
  const others = engine === 'kubelet' ? ['marathon', 'image'] : ['pod-roles']
  const all = ['kubelet', 'dcos'].includes(engine) ? others : ['pod-roles', 'marathon', 'image']
  const other = all.find((name) => flags[name as keyof Given] !== undefined)
  if (other !== undefined) {
    throw new UserError('USAGE', `setup ${engine}: --${other} is not about ${engine}`)
  }
}
