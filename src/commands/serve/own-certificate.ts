/** `--tls-auto`: a certificate of an authority of its own, as `cert` makes it, for all names. */

import { certificateFolder } from '../../certificates/places.ts'
import { UserError } from '../../domain/errors.ts'
import { loadConfig } from '../../io/config.ts'
import type { World } from '../command.ts'
import type { Log } from '../log.ts'
import { OWN_CERTIFICATE, readSettings, type ServeSettings } from './settings.ts'

type OwnWorld = Pick<World, 'env' | 'now'>

/** Issues or renews it, where it is asked for, before it is read. */
export async function provideOwn(args: readonly string[], world: OwnWorld): Promise<void> {
  await provide(readSettings(args, world.env, loadConfig(world.env)), world)
}

// As soon as a name is added; a month before its end it is renewed.
const LOOK_MS = 60_000

/** Goes on keeping it good; the new one is read as any that changes. The result ends it. */
export function keepOwn(
  args: readonly string[],
  world: OwnWorld & Pick<World, 'after'>,
  log: Log,
): () => void {
  let failure: string | undefined
  const look = async () => {
    try {
      await provideOwn(args, world)
      failure = undefined
    } catch (error) {
      const { message } = error as Error
      if (message !== failure) log('error', 'the certificate was not renewed', { error: message })
      failure = message
    }
    callOff = world.after(LOOK_MS, () => void look())
  }
  let callOff = world.after(LOOK_MS, () => void look())
  return () => callOff()
}

async function provide({ ownsCertificate, mappings }: ServeSettings, { env, now }: OwnWorld) {
  if (!ownsCertificate) return
  // What makes certificates is loaded only for that.
  const { provideCertificate } = await import('../../certificates/folder.ts')
  const folder = certificateFolder(env)
  const names = [...new Set([...mappings.keys()].map((name) => name.replace(/:\d+$/, '')))]
  const zones = names.map((name) => name.replace(/^\*\./, ''))
  try {
    await provideCertificate({ folder, title: OWN_CERTIFICATE, names, zones, now: now() })
  } catch (error) {
    if (error instanceof UserError) throw error
    const code = (error as NodeJS.ErrnoException).code ?? (error as Error).message
    throw new UserError(
      'SERVE',
      `${folder}: no certificate can be kept there (${code}); name one with --tls-cert and --tls-key`,
    )
  }
}
