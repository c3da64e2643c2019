/** From arguments to a command. */

import type { World } from './command.ts'
import { overview } from './help.ts'
import { isVersion, runHelper } from './helper.ts'
import { runCommand } from './run-command.ts'
import { commands } from './table.ts'
import { version } from './version.ts'

/** Runs `ecr-cname <args>`. Resolves to the exit code. */
export async function run(args: readonly string[], world: World): Promise<number> {
  const [name = '', ...rest] = args
  if (name === '' || name === '--help' || name === '-h') {
    world.stdout(overview(commands))
    return name === '' ? 2 : 0
  }
  if (name === 'help') return await run([...rest, '--help'], world)
  if (isVersion(name)) return await runCommand(version, rest, world)
  // How the small native helper hands over: by a verb, for not every spawn can set argv[0].
  if (name === 'credential-helper') return await runHelper(rest, world)
  const command = commands.find((one) => one.name === name)
  if (command) return await runCommand(command, rest, world)
  world.stderr(`ecr-cname: unknown command: ${name}; see ecr-cname --help\n`)
  return 2
}
