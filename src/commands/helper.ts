/** The helper: Docker's verbs alone. A program of its own when packed, for each pull may start it. */

import { VERBS } from '../helper/protocol.ts'
import type { World } from './command.ts'
import { guarded } from './guarded.ts'
import { HELPER, verbs } from './verbs.ts'
import { version } from './version.ts'

/** Runs `docker-credential-ecr-cname <args>`: one verb, and everything it says on stdout. */
export async function runHelper(args: readonly string[], world: World): Promise<number> {
  const [verb = ''] = args
  const isAlone = args.length === 1
  if (isAlone && isVersion(verb)) return version.run([], world)
  const command = VERBS.includes(verb as never) && verbs.find(({ name }) => name === verb)
  if (isAlone && command) return await guarded(() => command.run([], world), world)
  const isHelp = verb === '--help' || verb === '-h'
  const usage = `Usage: ${HELPER} <${VERBS.join('|')}|version>\n`
  world.stdout(isHelp || !isAlone ? usage : `${HELPER}: unknown action: ${verb}\n`)
  return isHelp ? 0 : 1
}

/** Whether a word asks for the version. */
export function isVersion(word: string): boolean {
  return word === 'version' || word === '--version' || word === '-v'
}
