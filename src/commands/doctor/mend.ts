/** `--fix`: what is safe to mend, told, asked for, and done. */

import type { Finding } from '../../doctor/finding.ts'
import { UserError } from '../../domain/errors.ts'
import { agrees } from '../agree.ts'
import type { World } from '../command.ts'

/** Mends what can be mended. Resolves to the ids, or to nothing where a person does not agree. */
export async function mendAll(
  findings: readonly Finding[],
  isAgreed: boolean,
  world: World,
): Promise<readonly string[]> {
  const safe = findings.filter(({ fix }) => fix?.mend)
  if (safe.length === 0) {
    world.stderr('nothing here can be mended by itself\n')
    return []
  }
  world.stderr(safe.map(({ fix }) => `to be done: ${fix?.command}\n`).join(''))
  if (!isAgreed && !(await agrees(`Mend ${safe.length}?`, world))) return []
  const mended: string[] = []
  // One after the other, for two may be about one file.
  for (const finding of safe) if (await mend(finding, world)) mended.push(finding.id)
  return mended
}

async function mend({ id, fix }: Finding, { stderr }: World): Promise<boolean> {
  try {
    await fix?.mend?.()
    stderr(`mended: ${id}\n`)
    return true
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (!(error instanceof UserError) && code === undefined) throw error
    stderr(`not mended: ${id}: ${error instanceof UserError ? message : code}\n`)
    return false
  }
}
