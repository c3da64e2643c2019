/** `doctor [HOST]`: every link of the chain in order, and what mends those that are broken. */

import packageJson from '../../../package.json' with { type: 'json' }
import { UserError } from '../../domain/errors.ts'
import { examine } from '../../doctor/examine.ts'
import { type Finding, isBroken } from '../../doctor/finding.ts'
import type { Scene } from '../../doctor/scene.ts'
import { placeOf } from '../../setup/place.ts'
import { pendingOf } from '../../setup/plan.ts'
import { apply } from '../../setup/record.ts'
import { readArguments } from '../arguments.ts'
import type { World } from '../command.ts'
import { planFor } from '../setup/engines.ts'
import { toJson } from '../text.ts'
import { writeBundle } from './bundle.ts'
import { doctorHelp } from './help.ts'
import { mendAll } from './mend.ts'
import { toFacts, toText } from './report.ts'
import { subjectsOf } from './subjects.ts'

export async function doctor(args: readonly string[], world: World): Promise<number> {
  const { flags, operands } = readArguments(doctorHelp, args)
  const [given, ...more] = operands
  if (more.length > 0) throw new UserError('USAGE', 'doctor: expected one HOST, or none')
  if (flags.yes && !flags.fix) throw new UserError('USAGE', 'doctor: --yes goes with --fix')
  const { root = '/', offline = false } = flags
  const look = async () => await lookAt(given, { root, isOffline: offline }, world)
  const first = await look()
  if (flags.fix && !flags.json) world.stdout(toText(first, world))
  const mended = flags.fix ? await mendAll(first, flags.yes ?? false, world) : []
  const last = mended.length > 0 ? await look() : first
  if (flags.bundle !== undefined) {
    await writeBundle(flags.bundle, last, { world, root })
    world.stderr(`the report is in ${flags.bundle}; look through it before you hand it on\n`)
  }
  if (flags.json) world.stdout(toJson({ ...toFacts(last), ...(flags.fix && { mended }) }))
  else if (!flags.fix || mended.length > 0) world.stdout(toText(last, world))
  return isBroken(last) ? 1 : 0
}

type How = Pick<Scene, 'root' | 'isOffline'>

async function lookAt(
  given: string | undefined,
  how: How,
  world: World,
): Promise<readonly Finding[]> {
  const { env, now, self, stderrColumns, stderr } = world
  const shows = stderrColumns !== undefined && env['TERM'] !== 'dumb'
  if (shows) stderr('looking at every link…')
  const subjects = await subjectsOf(given, { env, isOffline: how.isOffline })
  const { version } = packageJson
  const setUpDocker = async (host: string) => await setUp(host, world)
  const findings = await examine({ ...how, env, now, self, version, subjects, setUpDocker })
  if (shows) stderr('\r\x1b[K')
  return findings
}

/** As `setup docker HOST` does it, so that its --undo takes it back. */
async function setUp(host: string, world: World): Promise<void> {
  const place = placeOf('/', world.env)
  const { plan } = await planFor('docker', { place, hosts: [host], world })
  apply(place.backupsOf('docker'), pendingOf(plan))
}
