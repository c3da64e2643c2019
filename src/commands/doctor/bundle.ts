/** `--bundle FILE`: all that helps somebody else to help, and no secret. */

import packageJson from '../../../package.json' with { type: 'json' }
import { UserError } from '../../domain/errors.ts'
import type { Finding } from '../../doctor/finding.ts'
import { gather } from '../../doctor/gather.ts'
import { replaceFile } from '../../io/files.ts'
import type { World } from '../command.ts'
import { toFacts } from './report.ts'

export async function writeBundle(
  file: string,
  findings: readonly Finding[],
  { world: { env, now }, root }: { readonly world: World; readonly root: string },
): Promise<void> {
  const { version } = packageJson
  const text = await gather(toFacts(findings), { env, now, root, version })
  try {
    replaceFile(file, text)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    throw new UserError('FILE', `${file}: can't be written (${code}); name another with --bundle`)
  }
}
