/** From arguments to a command; the one place where an error becomes a text and a status. */

import { oneLine, UserError } from '../domain/errors.ts'
import { VERBS } from '../helper/protocol.ts'
import type { World } from './command.ts'
import { helpOf, overview } from './help.ts'
import { commands } from './table.ts'
import { version } from './version.ts'

/** Docker's name for the helper; started under it, the program knows Docker's verbs alone. */
export const HELPER_NAME = 'docker-credential-ecr-cname'

/** Runs `ecr-cname <args>`. Resolves to the exit code. */
export async function run(args: readonly string[], world: World): Promise<number> {
  const [name = '', ...rest] = args
  if (name === '' || name === 'help' || name === '--help' || name === '-h') {
    world.stdout(overview(commands))
    return name === '' ? 2 : 0
  }
  if (isVersion(name)) return version.run([], world)
  // How the small native helper hands over: by a verb, for not every spawn can set argv[0].
  if (name === 'credential-helper') return await runHelper(rest, world)
  const command = commands.find((one) => one.name === name)
  if (!command) {
    world.stderr(`ecr-cname: unknown command: ${name}; see ecr-cname --help\n`)
    return 2
  }
  if (rest.includes('--help') || rest.includes('-h')) {
    world.stdout(helpOf(command))
    return 0
  }
  return await guarded(() => command.run(rest, world), world)
}

/** Runs `docker-credential-ecr-cname <args>`: one verb, and everything it says on stdout. */
export async function runHelper(args: readonly string[], world: World): Promise<number> {
  const [verb = ''] = args
  if (isVersion(verb)) return version.run([], world)
  const command = VERBS.includes(verb as never) && commands.find(({ name }) => name === verb)
  if (args.length === 1 && command) return await guarded(() => command.run([], world), world)
  const isHelp = verb === '--help' || verb === '-h'
  const usage = `Usage: ${HELPER_NAME} <${VERBS.join('|')}|version>\n`
  world.stdout(isHelp || args.length !== 1 ? usage : `${HELPER_NAME}: unknown action: ${verb}\n`)
  return isHelp ? 0 : 1
}

function isVersion(word: string): boolean {
  return word === 'version' || word === '--version' || word === '-v'
}

async function guarded(act: () => Promise<number>, world: World): Promise<number> {
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
